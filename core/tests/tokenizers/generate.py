"""Makes small tokenizers of every kind and, with the `tokenizers` wheel, what they make of texts.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python generate.py

Each `NAME.json` is a `tokenizer.json`; `cases.json` has, for each of them, texts with the tokens that
the wheel gives, cut to `max_tokens` with the strategy `longest_first`.
"""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import Regex

HERE = Path(__file__).resolve().parent
CORPUS = [
    "The quick brown fox jumps over the lazy dog and runs away from the hunter.",
    "It is not bad at all; I wanted to like it, but I could not.",
    "Größere Städte haben größere Straßen, naïve cafés and crêpes.",
    "In 2026 there were 1234 parcels, 17 of them late (and 3 lost!).",
    "unbelievable, believable, believe, belief, disbelief",
    "日本語のテキスト と 中文 文本",
    "Price: $12.50 -- that's 20% off; isn't it nice?",
] * 3
TEXTS = [
    "",
    " ",
    "The fox",
    "  Two  spaces, a\ttab\nand a line. ",
    "It's unbelievable: naïve CAFÉS!",
    "日本語 and English",
    "emoji 🙂👩‍👩‍👧 and e\u0301 combined",
    "control \u0000\u0007 and zero\u200bwidth \ufeff mark",
    "a" * 150,
    "word " * 40,
    "[CLS] is no mark [SEP] here <s> either </s>",
    "ﬁne ½ ① Ⅷ ﷺ",
    "\u202eright to left עברית العربية",
    "1234567890 3.14159 1e-9",
]
PAIRS = [("The fox", "jumps over"), ("word " * 30, "It is not bad"), ("", "x"), ("a b c d e f g", "h i j k l m n o p q r s t")]


def bert() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def roberta() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.enable_padding(pad_id=1, pad_token="<pad>", length=200)
    tokenizer.enable_truncation(7)
    return tokenizer


def split() -> Tokenizer:
    """BPE behind a regular expression with look-ahead, as in recent language models."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(CORPUS, trainers.UnigramTrainer(vocab_size=220, special_tokens=special, unk_token="<unk>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def charsmap() -> bytes:
    """A map of characters as SentencePiece compiles it, with a few rules of NFKC and one of its own."""
    rules = "FB01\t66 69\n2460\t31\nBD\t31 2F 32\n3000\t20\nC9\t45\n65 301\tE9\n7\t\nFDFA\t635\n"
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.write(rules)
        file.flush()
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS), model_writer=model, vocab_size=100, hard_vocab_limit=False,
            normalization_rule_tsv=file.name, minloglevel=2,
        )
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def mapped() -> Tokenizer:
    """As XLM-RoBERTa and T5 have it: SentencePiece's own map of characters before the model."""
    tokenizer = unigram()
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap()), normalizers.Replace(Regex(" {2,}"), " ")])
    return tokenizer


def words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(CORPUS, trainers.WordLevelTrainer(special_tokens=["<unk>"], show_progress=False))
    return tokenizer


def expected(tokenizer: Tokenizer, text: str, pair: str | None, most: int) -> dict:
    tokenizer.no_padding()
    tokenizer.enable_truncation(most, strategy="longest_first")
    found = tokenizer.encode(text, pair)
    tokenizer.no_truncation()
    whole = len(tokenizer.encode(text, pair).ids)
    return {
        "text": text,
        "pair": pair,
        "max_tokens": most,
        "ids": found.ids,
        "types": found.type_ids,
        "special": found.special_tokens_mask,
        "places": found.offsets,
        "cut": whole - len(found.ids),
    }


def main() -> None:
    cases = []
    for make in [bert, roberta, split, unigram, mapped, words]:
        tokenizer = make()
        name = make.__name__
        tokenizer.save(str(HERE / f"{name}.json"), pretty=False)
        inputs = [(text, None, 512) for text in TEXTS] + [(text, None, 9) for text in TEXTS[2:9]]
        inputs += [(text, pair, most) for text, pair in PAIRS for most in (64, 12)]
        for text, pair, most in inputs:
            cases.append({"tokenizer": name} | expected(tokenizer, text, pair, most))
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "cases.json").write_text(f"[\n{lines}\n]\n")
    total = sum(path.stat().st_size for path in HERE.iterdir())
    print(f"{len(cases)} cases, {total} bytes")


if __name__ == "__main__":
    main()
