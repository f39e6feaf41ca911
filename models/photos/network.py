"""The network: a small residual-free CNN after Keller Jordan's airbench (2024, arXiv:2404.00498). A
fixed first convolution whitens patches of 2 by 2 pixels; three groups of two convolutions follow. In
airbench the activation is GELU; here it is Relu, which costs a little accuracy and makes an 8-bit
graph of whole-number operators possible."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from training.convnet import Classifier, Conv, Layer, MaxPool, fold_batch_norm

WIDTHS = (64, 256, 256)
PATCH = 2
WHITENED = 2 * 3 * PATCH * PATCH
LOGIT_SCALE = 1 / 9
WHITENING_EPSILON = 5e-4


class Group(nn.Module):
    """Two convolutions, each with batch normalisation and Relu; the first one halves the sides."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, outputs)
        self.norm1 = _normalisation(outputs)
        self.conv2 = _convolution(outputs, outputs)
        self.norm2 = _normalisation(outputs)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.pool(self.conv1(x))).relu()
        return self.norm2(self.conv2(x)).relu()


class Network(nn.Module):
    """f32 [N, 3, 32, 32] normalised, to logits f32 [N, 10]."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.whiten = nn.Conv2d(3, WHITENED, PATCH)
        self.whiten.weight.requires_grad = False
        nn.init.zeros_(self.whiten.bias)
        widths = (WHITENED, *WIDTHS)
        self.groups = nn.Sequential(*(Group(a, b) for a, b in zip(widths, widths[1:])))
        self.pool = nn.MaxPool2d(3)
        self.classifier = nn.Linear(WIDTHS[-1], classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.groups(self.whiten(x).relu())
        return self.classifier(self.pool(x).flatten(1)) * LOGIT_SCALE

    def set_whitening(self, image: Tensor) -> None:
        """Fixes the first convolution to the principal directions of these photos' patches, each
        scaled to variance 1 and present with both signs."""
        patches = image.unfold(2, PATCH, 1).unfold(3, PATCH, 1)
        rows = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, WHITENED // 2).double()
        values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
        scaled = vectors.T.flip(0) / (values.flip(0)[:, None] + WHITENING_EPSILON).sqrt()
        filters = scaled.reshape(-1, 3, PATCH, PATCH).float()
        self.whiten.weight.data.copy_(torch.cat([filters, -filters]))


def layers(network: Network, temperature: float) -> list[Layer]:
    """What the graph is made of: batch normalisation folded, logits divided by the temperature."""
    whiten = Conv(_array(network.whiten.weight), _array(network.whiten.bias), padding=0)
    chain: list[Layer] = [whiten]
    for group in network.groups:
        chain += [_folded(group.conv1, group.norm1), MaxPool(2), _folded(group.conv2, group.norm2)]
    weight = _array(network.classifier.weight) * np.float32(LOGIT_SCALE / temperature)
    bias = np.zeros(len(weight), dtype=np.float32)
    return [*chain, MaxPool(3), Classifier(weight, bias)]


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """Passes its inputs on at first, as far as they go; random beyond."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.dirac_(conv.weight.data[:inputs])
    return conv


def _normalisation(channels: int) -> nn.BatchNorm2d:
    """With a trained bias and no gain, so that its scale is positive."""
    norm = nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    norm.weight.requires_grad = False
    return norm


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> Conv:
    weight, bias = fold_batch_norm(
        _array(conv.weight), _array(norm.running_mean), _array(norm.running_var),
        _array(norm.weight), _array(norm.bias), norm.eps,
    )
    return Conv(weight, bias, padding=1)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().contiguous().numpy().copy()
