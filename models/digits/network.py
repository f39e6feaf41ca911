"""The network: six small convolutions, fewer than 50,000 weights."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from training.convnet import Classifier, Conv, Layer, MaxPool, fold_batch_norm

CLASSES = 10
BLOCKS: list[list[tuple[int, int]]] = [[(1, 16), (16, 16)], [(16, 32), (32, 32)], [(32, 48), (48, 32)]]
"""Input and output channels of each block's convolutions; a MaxPool halves the sides after each."""
FEATURES = 32 * 3 * 3


class Network(nn.Module):
    """f32 [N, 1, 28, 28], 0..1, to logits f32 [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        self.norms = nn.ModuleList()
        for inputs, outputs in (widths for block in BLOCKS for widths in block):
            self.convs.append(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False))
            self.norms.append(nn.BatchNorm2d(outputs))
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms), start=1):
            x = norm(conv(x)).relu()
            if number % 2 == 0:
                x = self.pool(x)
        return self.classifier(self.dropout(x.flatten(1)))


def layers(network: Network, temperature: float) -> list[Layer]:
    """What the graph is made of: batch normalisation folded, logits divided by the temperature."""
    chain: list[Layer] = []
    for number, (conv, norm) in enumerate(zip(network.convs, network.norms), start=1):
        weight, bias = fold_batch_norm(
            _array(conv.weight), _array(norm.running_mean), _array(norm.running_var),
            _array(norm.weight), _array(norm.bias), norm.eps,
        )
        chain.append(Conv(weight, bias, padding=1))
        if number % 2 == 0:
            chain.append(MaxPool(2))
    last = network.classifier
    return [*chain, Classifier(_array(last.weight) / temperature, _array(last.bias) / temperature)]


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().contiguous().numpy().copy()
