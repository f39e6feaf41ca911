"""How a training photo is varied before the network sees it: mirrored, moved, enlarged or reduced,
with other light and colours, and with a piece missing. People's photos differ from CIFAR's in just
these ways once they are cropped and resized."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 3.0
"""Pixels, at most, to each side."""
ZOOM = 1.25
"""Half of the photos are scaled by up to this factor, or down by as much."""
LIGHT = 0.2
"""Relative change of contrast and of saturation, and shift of brightness in standard deviations."""
HOLE = 8
"""Side in pixels of the square that is painted over with the mean colour."""


def augment(image: Tensor, index: Tensor, epoch: int, draw: torch.Generator) -> Tensor:
    """A varied copy of normalised photos f32 [B, 3, 32, 32]; `index` [B] is their place in the
    training set."""
    return _hole(_colour(_place(image, index, epoch, draw), draw), draw)


def _place(image: Tensor, index: Tensor, epoch: int, draw: torch.Generator) -> Tensor:
    """Moves by whole pixels, or also scales; mirrors every photo in every other epoch, so that
    two epochs show both sides."""
    count, side = len(image), image.shape[-1]
    spread = torch.rand(count, generator=draw) * 2 - 1
    scaled = torch.rand(count, generator=draw) < 0.5
    zoom = torch.where(scaled, torch.exp(spread * math.log(ZOOM)), torch.ones(count))
    shift = (torch.rand(count, 2, generator=draw) * 2 - 1) * SHIFT
    shift = torch.where(scaled[:, None], shift, shift.round())
    mirror = torch.where((index * 2_654_435_761 // 65_536 + epoch) % 2 == 0, 1.0, -1.0)
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0] = mirror / zoom
    matrix[:, 1, 1] = 1 / zoom
    matrix[:, :, 2] = shift * 2 / side
    grid = F.affine_grid(matrix, list(image.shape), align_corners=False)
    return F.grid_sample(image, grid, padding_mode="reflection", align_corners=False)


def _colour(image: Tensor, draw: torch.Generator) -> Tensor:
    """Changes saturation, contrast and brightness, each photo by its own amount."""
    count = len(image)

    def amount() -> Tensor:
        return (torch.rand(count, 1, 1, 1, generator=draw) * 2 - 1) * LIGHT

    gray = image.mean(dim=1, keepdim=True)
    image = gray + (image - gray) * (1 + amount())
    mean = image.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (image - mean) * (1 + amount()) + amount()


def _hole(image: Tensor, draw: torch.Generator) -> Tensor:
    """Paints a square over; its centre lies anywhere, so it often is partly outside."""
    count, side = len(image), image.shape[-1]
    centre = torch.randint(0, side, (count, 2), generator=draw)
    place = torch.arange(side)
    rows = (place - centre[:, :1]).abs() * 2 < HOLE
    columns = (place - centre[:, 1:]).abs() * 2 < HOLE
    covered = (rows[:, :, None] & columns[:, None, :])[:, None]
    return image.masked_fill(covered, 0.0)
