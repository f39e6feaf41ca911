"""Training that can be interrupted: after each epoch the whole state goes to a file, and the next run
goes on from there. The file is replaced at once, so that an interruption leaves the older one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

State = dict[str, Any]


def save(path: Path, state: State) -> None:
    """Replaces the checkpoint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    torch.save(state, new)
    os.replace(new, path)


def load(path: Path) -> State | None:
    """The state of an interrupted training, or nothing if it starts."""
    return torch.load(path, weights_only=False) if path.exists() else None
