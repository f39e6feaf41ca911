"""How an encoder learns: batches of texts of like length, AdamW with warm-up and linear decay, and a loss that
follows the labels, a teacher, or both. A training goes on from its checkpoint if there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from sentiment.encoder import Encoder
from sentiment.vocabulary import tensors
from training import checkpoint
from training.progress import say

DECAY = 0.01
WARM_UP = 0.06
SOFTENED = 2.0
"""Temperature at which a student's and its teacher's answers are compared (Hinton et al. 2015)."""
POOLED_WEIGHT = 1.0
"""Of the distance of a student's pooled state from its teacher's."""
CHUNK = 32
"""Batches that are sorted by length together."""


@dataclass
class Lesson:
    """What one epoch teaches."""

    text: list[str]
    positive: list[float]
    """How positive each text is, from 0 to 1."""
    labelled: list[bool]
    """Whether that comes from a person; if not, only the teacher is followed."""


@dataclass(frozen=True)
class Course:
    """How long and how fast."""

    epochs: int
    rate: float
    batch: int
    seed: int


class Teacher:
    """Whom a student follows. What it says of a text is asked once and remembered."""

    def __init__(self, encoder: Encoder, tokenizer: Tokenizer, weight: float) -> None:
        self._encoder = encoder.eval()
        self._tokenizer = tokenizer
        self._known: dict[str, tuple[Tensor, Tensor]] = {}
        self.weight = weight
        """Of the teacher beside the labels, 0 to 1."""

    def says(self, text: list[str]) -> tuple[Tensor, Tensor]:
        """Pooled states f32 [N, 384] and logits f32 [N, 2]."""
        new = list(dict.fromkeys(t for t in text if t not in self._known))
        if new:
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                pooled, logits = self._encoder(*tensors(self._tokenizer, new))
            self._known |= dict(zip(new, zip(pooled.float(), logits.float())))
        told = [self._known[t] for t in text]
        return torch.stack([pooled for pooled, _ in told]), torch.stack([l for _, l in told])


def learn(
    encoder: Encoder,
    tokenizer: Tokenizer,
    course: Course,
    lesson: Callable[[np.random.Generator], Lesson],
    saved: Path,
    teacher: Teacher | None,
    watch: Callable[[Encoder], str],
) -> Encoder:
    """Trains in place over lessons that are drawn anew for each epoch."""
    steps = len(lesson(np.random.default_rng(course.seed)).text) // course.batch
    learning = [p for p in encoder.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=course.rate, weight_decay=DECAY, fused=True)
    total = course.epochs * steps
    shape = [0, WARM_UP * total, total]
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: float(np.interp(step, shape, [0, 1, 0]))
    )
    epoch = 0
    if state := checkpoint.load(saved):
        encoder.load_state_dict(state["encoder"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        epoch = state["epoch"]
        say(f"{saved.stem} goes on after epoch {epoch}")
    while epoch < course.epochs:
        draw = np.random.default_rng([course.seed, epoch])
        torch.manual_seed(course.seed + epoch)
        encoder.train()
        losses = []
        taught = lesson(draw)
        for rows in batches(taught.text, course.batch, draw)[:steps]:
            loss = _loss(encoder, tokenizer, taught, rows, teacher)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        epoch += 1
        state = {"encoder": encoder, "optimiser": optimiser, "schedule": schedule}
        checkpoint.save(saved, {"epoch": epoch, **{k: v.state_dict() for k, v in state.items()}})
        mean = float(np.mean(losses))
        say(f"{saved.stem} epoch {epoch} of {course.epochs}: loss {mean:.3f}, {watch(encoder)}")
    return encoder


def batches(text: list[str], size: int, draw: np.random.Generator) -> list[list[int]]:
    """Rows in a random order, texts of like length together so that little is padded."""
    order = draw.permutation(len(text))
    groups: list[list[int]] = []
    for start in range(0, len(order), size * CHUNK):
        chunk = sorted(order[start : start + size * CHUNK].tolist(), key=lambda i: len(text[i]))
        groups += [chunk[i : i + size] for i in range(0, len(chunk), size)]
    whole = [group for group in groups if len(group) == size]
    return [whole[i] for i in draw.permutation(len(whole))]


def answers(encoder: Encoder, tokenizer: Tokenizer, text: list[str]) -> np.ndarray:
    """Logits f32 [N, 2], as at serving time."""
    encoder.eval()
    logits = np.empty((len(text), 2), dtype=np.float32)
    order = sorted(range(len(text)), key=lambda i: len(text[i]))
    with torch.no_grad():
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            logits[rows] = encoder(*tensors(tokenizer, [text[i] for i in rows]))[1].numpy()
    return logits


def _loss(
    encoder: Encoder, tokenizer: Tokenizer, taught: Lesson, rows: list[int], teacher: Teacher | None
) -> Tensor:
    text = [taught.text[i] for i in rows]
    positive = torch.tensor([taught.positive[i] for i in rows])
    target = torch.stack([1 - positive, positive], dim=1)
    labelled = torch.tensor([taught.labelled[i] for i in rows]).float()
    with torch.autocast("cpu", torch.bfloat16):
        pooled, logits = encoder(*tensors(tokenizer, text))
    from_labels = F.cross_entropy(logits.float(), target, reduction="none") * labelled
    if teacher is None:
        return from_labels.mean()
    taught_pooled, taught_logits = teacher.says(text)
    wanted = (taught_logits / SOFTENED).softmax(dim=1)
    from_teacher = SOFTENED**2 * F.cross_entropy(
        logits.float() / SOFTENED, wanted, reduction="none"
    )
    distance = POOLED_WEIGHT * (pooled.float() - taught_pooled).pow(2).mean(dim=1)
    mixed = torch.lerp(from_labels, from_teacher + distance, teacher.weight)
    return torch.where(labelled > 0, mixed, from_teacher + distance).mean()
