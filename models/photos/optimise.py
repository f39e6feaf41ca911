"""How the network learns: one training run with its schedule, from a checkpoint if there is one. The
recipe (Nesterov momentum, a triangular schedule, fast biases, label smoothing, averaging in the manner
of Lookahead) and its numbers are airbench's; the number of epochs and the augmentation are not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photos.augment import augment
from photos.data import Split
from photos.network import Network
from training import checkpoint
from training.progress import say

EPOCHS = 36
BATCH = 1_000
SEED = 20_260_511
MOMENTUM = 0.85
LABEL_SMOOTHING = 0.2
BIAS_SPEED = 64.0
WHITENING_BIAS_EPOCHS = 3
STEP = 1_024 * (1 + 1 / (1 - MOMENTUM))
"""Examples over which airbench's learning rate and weight decay are counted."""
RATE = 11.5 / STEP
DECAY = 0.0153 * BATCH / STEP
WHITENED_FROM = 9
"""Of so many photos one gives patches to whiten by; the file is sorted by class."""
AVERAGED_EVERY = 5
"""Steps."""


@dataclass
class Run:
    """All that changes while training."""

    network: Network
    slow: dict[str, Tensor]
    """The averaged state that the network is pulled to."""
    optimiser: torch.optim.SGD
    schedule: torch.optim.lr_scheduler.LambdaLR
    draw: torch.Generator
    epoch: int


def train(training: Split, validation: Split, classes: int, saved: Path) -> Network:
    """The trained network."""
    image, label = torch.from_numpy(training.image), torch.from_numpy(training.label)
    run = _start(image, classes, EPOCHS * (len(label) // BATCH))
    if state := checkpoint.load(saved):
        _restore(run, state)
        say(f"goes on after epoch {run.epoch}")
    while run.epoch < EPOCHS:
        loss = _epoch(run, image, label)
        run.epoch += 1
        checkpoint.save(saved, _state(run))
        right = accuracy(run.network, validation)
        say(f"epoch {run.epoch} of {EPOCHS}: loss {loss:.3f}, validation {right:.2%}")
    return run.network


def logits(network: Network, image: np.ndarray) -> Tensor:
    """The answers as at serving time, in single precision: for each photo the mean of what the network
    says of it and of its mirror image."""
    network.eval()
    with torch.no_grad():
        parts = torch.from_numpy(image).split(BATCH)
        return torch.cat([(network(part) + network(part.flip(3))) / 2 for part in parts])


def accuracy(network: Network, split: Split) -> float:
    """The part of the photos whose most likely class is the right one."""
    answer = logits(network, split.image).argmax(dim=1)
    return float((answer == torch.from_numpy(split.label)).float().mean())


def _start(image: Tensor, classes: int, steps: int) -> Run:
    torch.manual_seed(SEED)
    network = Network(classes)
    network.set_whitening(image[::WHITENED_FROM])
    network.to(memory_format=torch.channels_last)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    biases = [norm.bias for norm in norms]
    fast = {id(bias) for bias in biases}
    others = [p for p in network.parameters() if p.requires_grad and id(p) not in fast]
    optimiser = torch.optim.SGD(
        [
            {"params": biases, "lr": RATE * BIAS_SPEED, "weight_decay": DECAY / (RATE * BIAS_SPEED)},
            {"params": others, "lr": RATE, "weight_decay": DECAY / RATE},
        ],
        momentum=MOMENTUM,
        nesterov=True,
    )
    shape = np.interp(np.arange(steps + 1), [0, int(0.23 * steps), steps], [0.2, 1.0, 0.07])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: float(shape[step]))
    slow = {name: tensor.clone() for name, tensor in _floats(network).items()}
    draw = torch.Generator().manual_seed(SEED)
    return Run(network, slow, optimiser, schedule, draw, epoch=0)


def _epoch(run: Run, image: Tensor, label: Tensor) -> float:
    """One pass over the photos; gives the mean loss."""
    run.network.train()
    run.network.whiten.bias.requires_grad = run.epoch < WHITENING_BIAS_EPOCHS
    order = torch.randperm(len(label), generator=run.draw)
    batches = order[: len(order) // BATCH * BATCH].split(BATCH)
    total = 0.0
    for number, index in enumerate(batches, start=run.epoch * len(batches)):
        photo = augment(image[index], index, run.epoch, run.draw)
        photo = photo.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            answer = run.network(photo)
        loss = F.cross_entropy(
            answer.float(), label[index], label_smoothing=LABEL_SMOOTHING, reduction="sum"
        )
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        run.optimiser.step()
        run.schedule.step()
        total += loss.item()
        if (number + 1) % AVERAGED_EVERY == 0:
            _pull(run, 0.95**AVERAGED_EVERY * (number / (EPOCHS * len(batches))) ** 3)
    if run.epoch + 1 == EPOCHS:
        _pull(run, 1.0)
    return total / (len(batches) * BATCH)


def _pull(run: Run, keep: float) -> None:
    """Moves the slow state towards the network's, keeping this much of it, and sets the network
    back to it."""
    with torch.no_grad():
        for name, tensor in _floats(run.network).items():
            run.slow[name].lerp_(tensor, 1 - keep)
            tensor.copy_(run.slow[name])


def _floats(network: Network) -> dict[str, Tensor]:
    state = network.state_dict()
    return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}


def _state(run: Run) -> checkpoint.State:
    return {
        "network": run.network.state_dict(),
        "slow": run.slow,
        "optimiser": run.optimiser.state_dict(),
        "schedule": run.schedule.last_epoch,
        "draw": run.draw.get_state(),
        "epoch": run.epoch,
    }


def _restore(run: Run, state: checkpoint.State) -> None:
    run.network.load_state_dict(state["network"])
    run.slow = state["slow"]
    run.optimiser.load_state_dict(state["optimiser"])
    run.schedule.last_epoch = state["schedule"]
    run.draw.set_state(state["draw"])
    run.epoch = state["epoch"]
