"""How the network learns: AdamW with one cycle of the learning rate, over digits that are varied anew in
each epoch. What is kept is the running average of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from digits import strokes
from digits.augment import Canvases, augment
from digits.data import Split
from digits.network import Network
from digits.pen import enlarge, field_of_image
from training import checkpoint
from training.progress import say

EPOCHS = 120
BATCH = 128
RATE = 4e-3
DECAY = 0.02
AVERAGE = 0.998
"""What the averaged weights keep of themselves at each step."""
LABEL_SMOOTHING = 0.05
SEED = 20_260_513


@dataclass
class Run:
    """All that changes while training."""

    network: Network
    averaged: torch.optim.swa_utils.AveragedModel
    optimiser: torch.optim.AdamW
    schedule: torch.optim.lr_scheduler.OneCycleLR
    draw: torch.Generator
    epoch: int


def canvases(training: Split) -> tuple[Canvases, Tensor]:
    """All digits to learn from, MNIST's and those written by hand, with their labels."""
    shapes, labels = strokes.written(SEED)
    ink = np.stack([enlarge(image) for image in training.image])
    path = np.stack([field_of_image(image) for image in training.image])
    has_ink = torch.arange(len(ink) + len(shapes)) < len(ink)
    digits = Canvases(
        ink=torch.from_numpy(np.concatenate([ink, np.zeros_like(shapes)])),
        path=torch.from_numpy(np.concatenate([path, shapes])),
        has_ink=has_ink,
    )
    return digits, torch.from_numpy(np.concatenate([training.label, labels]))


def train(training: Split, validation: Split, saved: Path) -> Network:
    """The trained network, its weights averaged."""
    digits, label = canvases(training)
    say(f"{int(digits.has_ink.sum())} digits and {int((~digits.has_ink).sum())} shapes")
    run = _start(EPOCHS * (len(label) // BATCH))
    if state := checkpoint.load(saved):
        _restore(run, state)
        say(f"goes on after epoch {run.epoch}")
    while run.epoch < EPOCHS:
        loss = _epoch(run, digits, label)
        run.epoch += 1
        checkpoint.save(saved, _state(run))
        right = accuracy(run.averaged.module, validation)
        say(f"epoch {run.epoch} of {EPOCHS}: loss {loss:.3f}, validation {right:.2%}")
    return run.averaged.module


def logits(network: Network, image: np.ndarray) -> Tensor:
    """The network's answers, as at serving time, to f32 [N, 28, 28]."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network(part) for part in torch.from_numpy(image)[:, None].split(250)])


def accuracy(network: Network, split: Split) -> float:
    """The part of the digits whose most likely class is the right one."""
    answer = logits(network, split.image).argmax(dim=1)
    return float((answer == torch.from_numpy(split.label)).float().mean())


def _start(steps: int) -> Run:
    torch.manual_seed(SEED)
    network = Network().to(memory_format=torch.channels_last)
    averaged = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE), use_buffers=True
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps + 1)
    draw = torch.Generator().manual_seed(SEED)
    return Run(network, averaged, optimiser, schedule, draw, epoch=0)


def _epoch(run: Run, digits: Canvases, label: Tensor) -> float:
    """One pass over the digits; gives the mean loss."""
    run.network.train()
    torch.manual_seed(SEED + run.epoch)
    order = torch.randperm(len(label), generator=run.draw)
    batches = order[: len(order) // BATCH * BATCH].split(BATCH)
    total = 0.0
    for index in batches:
        image = augment(digits, index, run.draw).contiguous(memory_format=torch.channels_last)
        loss = F.cross_entropy(
            run.network(image), label[index], label_smoothing=LABEL_SMOOTHING
        )
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        run.optimiser.step()
        run.schedule.step()
        run.averaged.update_parameters(run.network)
        total += loss.item()
    return total / len(batches)


def _state(run: Run) -> checkpoint.State:
    return {
        "network": run.network.state_dict(),
        "averaged": run.averaged.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "schedule": run.schedule.state_dict(),
        "draw": run.draw.get_state(),
        "epoch": run.epoch,
    }


def _restore(run: Run, state: checkpoint.State) -> None:
    run.network.load_state_dict(state["network"])
    run.averaged.load_state_dict(state["averaged"])
    run.optimiser.load_state_dict(state["optimiser"])
    run.schedule.load_state_dict(state["schedule"])
    run.draw.set_state(state["draw"])
    run.epoch = state["epoch"]
