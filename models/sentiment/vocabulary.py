"""The tokenizer in Hugging Face's format, and the choice of the word pieces that are kept. A word whose piece
is left out is read as smaller pieces, of which all single Latin letters remain."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from sentiment.encoder import POSITIONS
from training.source import Source

PUBLISHED = Source(
    name="tokenizer.json of all-MiniLM-L6-v2",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    origin="It lies beside the encoder's weights.",
)

KEPT = 10_500
FREQUENT = 6_000
"""Pieces that are kept for being frequent in English, whether or not the texts use them."""
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def published(path: Path) -> dict[str, Any]:
    """The tokenizer as published, but for truncation and padding: at most 256 tokens, and a batch as
    long as its longest text."""
    tokenizer = json.loads(PUBLISHED.check(path).read_text(encoding="utf-8"))
    tokenizer["truncation"] = {
        "direction": "Right", "max_length": POSITIONS, "strategy": "LongestFirst", "stride": 0,
    }
    tokenizer["padding"]["strategy"] = "BatchLongest"
    return tokenizer


def pruned(tokenizer: dict[str, Any], texts: Iterable[str]) -> tuple[dict[str, Any], list[int]]:
    """A tokenizer of `KEPT` pieces, and their numbers in the old one in the order of the new. Kept are
    the special pieces, single characters, the most frequent ones of the corpus that the tokenizer was
    made from, which numbers its pieces by frequency, then what the texts use most."""
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    counts: Counter[str] = Counter()
    for encoding in ready(tokenizer).encode_batch(list(texts)):
        counts.update(encoding.tokens)
    by_number = sorted(vocabulary, key=lambda piece: vocabulary[piece])
    latin = [piece for piece in by_number if _is_latin(piece)]
    order = [
        *SPECIAL,
        *(piece for piece in latin if len(piece.removeprefix("##")) == 1),
        *latin[:FREQUENT],
        *sorted(latin, key=lambda piece: -counts[piece]),
    ]
    kept = list(dict.fromkeys(order))[:KEPT]
    smaller = json.loads(json.dumps(tokenizer))
    smaller["model"]["vocab"] = {piece: number for number, piece in enumerate(kept)}
    new = smaller["model"]["vocab"]
    for added in smaller["added_tokens"]:
        added["id"] = new[added["content"]]
    for special in smaller["post_processor"].get("special_tokens", {}).values():
        special["ids"] = [new[token] for token in special["tokens"]]
    for name in ("sep", "cls"):
        if name in smaller["post_processor"]:
            token = smaller["post_processor"][name][0]
            smaller["post_processor"][name] = [token, new[token]]
    smaller["padding"]["pad_id"] = new["[PAD]"]
    return smaller, [vocabulary[piece] for piece in kept]


def ready(tokenizer: dict[str, Any]) -> Tokenizer:
    """A tokenizer to be used."""
    return Tokenizer.from_str(json.dumps(tokenizer))


def tensors(tokenizer: Tokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Tokens int64 [N, S] and their mask bool [N, S]."""
    encodings = tokenizer.encode_batch(texts)
    token = torch.tensor([encoding.ids for encoding in encodings])
    mask = torch.tensor([encoding.attention_mask for encoding in encodings]).bool()
    return token, mask


def _is_latin(piece: str) -> bool:
    """No character beyond Latin-1 and general punctuation, and not one of the unused pieces."""
    letters = piece.removeprefix("##")
    if piece in SPECIAL or letters.startswith("[unused"):
        return False
    return all(ord(c) < 0x180 or 0x2010 <= ord(c) <= 0x203A or c == "€" for c in letters)
