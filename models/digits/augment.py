"""How a digit is varied before the network sees it: turned, sheared, stretched and bent, drawn with pens
of all widths, then boxed and centred as at serving time, and at last a little off again, blurred or
faded. All of a batch is done at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from digits.data import SIDE
from digits.pen import CANVAS

TURN = math.radians(18)
SHEAR = 0.25
STRETCH = 1.3
BEND = 2.2
"""Canvas pixels: standard deviation of the elastic shift at its 5 by 5 control points."""
PEN = (0.8, 5.5)
"""Radii of a pen in canvas pixels; in the image of 28 by 28 half as much."""
EDGE = (0.7, 2.5)
"""Canvas pixels over which a stroke's edge goes from ink to paper."""
DRAWN = 0.5
"""Share of MNIST's digits that are drawn anew with a pen rather than keep their ink."""
BOX = 20.0
"""Longer side of the ink's box in the image, as MNIST has it."""


@dataclass
class Canvases:
    """What is varied: digits on canvases of 72 by 72."""

    ink: Tensor
    """f32 [N, 72, 72], 0..1; zero where only the pen's path is known."""
    path: Tensor
    """f32 [N, 72, 72]: distance from the pen's path."""
    has_ink: Tensor
    """bool [N]."""


def augment(digits: Canvases, index: Tensor, draw: torch.Generator) -> Tensor:
    """Images f32 [B, 1, 28, 28] of these digits, each varied anew."""
    count = len(index)
    both = torch.stack([digits.ink[index], digits.path[index]], dim=1)
    bent = F.grid_sample(both, _grid(count, draw), padding_mode="border", align_corners=False)
    pen = draw_with_pen(bent[:, 1:], _between(*PEN, count, draw), _between(*EDGE, count, draw))
    drawn = _chance(DRAWN, count, draw) | ~digits.has_ink[index]
    canvas = torch.where(_wide(drawn), pen, bent[:, :1])
    return _imperfect(centre(canvas, *_misplacement(count, draw)), draw)


def draw_with_pen(path: Tensor, radius: Tensor, edge: Tensor) -> Tensor:
    """Ink within the radius [B] of the path [B, 1, H, W], with a soft edge [B]."""
    return ((_wide(radius) - path) / _wide(edge) + 0.5).clamp(0, 1)


def centre(canvas: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """The image f32 [B, 1, 28, 28] of a canvas: the box of the ink becomes 20 pixels, its centre of
    mass the middle, then times `scale` [B] and moved by `shift` [B, 2] pixels."""
    ink = canvas[:, 0]
    side = ink.shape[-1]
    seen = ink > 0.15
    extent = torch.maximum(_extent(seen.any(dim=1)), _extent(seen.any(dim=2)))
    place = torch.arange(side) + 0.5
    mass = ink.sum(dim=(1, 2)).clamp(min=1e-6)
    x = (ink.sum(dim=1) * place).sum(dim=1) / mass
    y = (ink.sum(dim=2) * place).sum(dim=1) / mass
    per_pixel = extent / BOX / scale
    middle = torch.stack([x, y], dim=1) - (shift + 0.5) * per_pixel[:, None]
    matrix = torch.zeros(len(ink), 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = per_pixel * SIDE / side
    matrix[:, :, 2] = middle * 2 / side - 1
    fine = [len(ink), 1, 2 * SIDE, 2 * SIDE]
    grid = F.affine_grid(matrix, fine, align_corners=False)
    return F.avg_pool2d(F.grid_sample(canvas, grid, align_corners=False), 2)


def _grid(count: int, draw: torch.Generator) -> Tensor:
    """Where each canvas point comes from: an affine map and an elastic shift."""
    turn = _between(-TURN, TURN, count, draw)
    shear = _between(-SHEAR, SHEAR, count, draw)
    stretch = torch.exp(_between(-math.log(STRETCH), math.log(STRETCH), count, draw) / 2)
    cos, sin = turn.cos(), turn.sin()
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = cos * stretch, (shear * cos - sin) * stretch
    matrix[:, 1, 0], matrix[:, 1, 1] = sin / stretch, (shear * sin + cos) / stretch
    grid = F.affine_grid(matrix, [count, 1, CANVAS, CANVAS], align_corners=False)
    strength = _between(0, BEND * 2 / CANVAS, count, draw)
    control = torch.randn(count, 2, 5, 5, generator=draw) * _wide(strength)
    shift = F.interpolate(control, size=(CANVAS, CANVAS), mode="bicubic", align_corners=True)
    return grid + shift.permute(0, 2, 3, 1)


def _misplacement(count: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Scale [B] and shift [B, 2] of the image; half of the images are as they should be but for
    half a pixel."""
    off = _chance(0.5, count, draw)
    scale = torch.where(off, _between(0.75, 1.12, count, draw), torch.ones(count))
    reach = torch.where(off, 2.0, 0.5)
    return scale, (torch.rand(count, 2, generator=draw) * 2 - 1) * reach[:, None]


def _imperfect(image: Tensor, draw: torch.Generator) -> Tensor:
    """Some images are blurred, some faded, some noisy."""
    count = len(image)
    near = F.avg_pool2d(F.pad(image, (1, 1, 1, 1)), 3, stride=1)
    amount = _between(0, 0.8, count, draw) * _chance(0.4, count, draw)
    image = torch.lerp(image, near, _wide(amount))
    peak = image.amax(dim=(1, 2, 3)).clamp(min=1e-3)
    strength = 1 - _between(0, 0.4, count, draw) * _chance(0.3, count, draw)
    image = image * _wide(strength / peak)
    noise = torch.randn(image.shape, generator=draw) * _wide(0.05 * _chance(0.15, count, draw))
    return (image + noise).clamp(0, 1)


def _extent(seen: Tensor) -> Tensor:
    """How many places lie from the first to the last that is seen; bool [B, L] to f32 [B]."""
    length = seen.shape[1]
    first = seen.int().argmax(dim=1)
    last = length - 1 - seen.int().flip(1).argmax(dim=1)
    return (last - first + 1).float()


def _between(low: float, high: float, count: int, draw: torch.Generator) -> Tensor:
    return torch.rand(count, generator=draw) * (high - low) + low


def _chance(share: float, count: int, draw: torch.Generator) -> Tensor:
    return torch.rand(count, generator=draw) < share


def _wide(value: Tensor) -> Tensor:
    return value.reshape(-1, 1, 1, 1)
