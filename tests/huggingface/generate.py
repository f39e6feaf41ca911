"""Builds small models with random weights with `transformers` and `sentence-transformers`, exports them in folders as
Optimum lays them out, and records what the pipelines of those libraries answer.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python generate.py

Each folder is what `host-cli package` takes; its `expected.json` has inputs with answers. The weights are drawn
wide, so that the answers differ between inputs.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image, ImageOps
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent.parent / "core" / "tests"
LENGTH = 48
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
TEXTS = [
    "The quick brown fox",
    "It is not bad at all; I wanted to like it.",
    "Größere Städte haben 1234 Straßen!",
    "word " * 100,
]
PICTURES = ["smooth-420-baseline-92.jpg", "edges-422-progressive-60.jpg", "rgba.png", "orientation-6.jpg"]


def tokenizer(name: str, **special: str) -> PreTrainedTokenizerFast:
    file = str(TESTS / "tokenizers" / f"{name}.json")
    return PreTrainedTokenizerFast(tokenizer_file=file, model_max_length=LENGTH, **special)


def bert_tokenizer() -> PreTrainedTokenizerFast:
    return tokenizer(
        "bert", pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]"
    )


def roberta_tokenizer() -> PreTrainedTokenizerFast:
    return tokenizer(
        "roberta", pad_token="<pad>", unk_token="<unk>", cls_token="<s>", sep_token="</s>", bos_token="<s>",
        eos_token="</s>", mask_token="<mask>",
    )


def randomised(model: PreTrainedModel) -> PreTrainedModel:
    """Wide weights, the same in each run."""
    torch.manual_seed(20260202)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * (0.4 if parameter.ndim > 1 else 0.2))
    return model.eval()


class Graph(nn.Module):
    """One output of a model, by the names of its inputs."""

    def __init__(self, model: PreTrainedModel, output: str) -> None:
        super().__init__()
        self.model, self.output = model, output

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.model(**dict(zip(self.names, inputs, strict=True)))[self.output]


def export(folder: Path, model: PreTrainedModel, inputs: dict[str, torch.Tensor], output: str) -> None:
    graph = Graph(model, output).eval()
    graph.names = list(inputs)
    axes = {0: "batch_size"} | ({} if "pixel_values" in inputs else {1: "sequence_length"})
    torch.onnx.export(
        graph, tuple(inputs.values()), folder / "model.onnx", input_names=list(inputs), output_names=[output],
        dynamic_axes={name: axes for name in inputs}, opset_version=17, dynamo=False,
    )


def text_inputs(names: list[str]) -> dict[str, torch.Tensor]:
    return {name: torch.ones(2, 7, dtype=torch.int64) for name in names}


def save(folder: Path, *parts: Any) -> None:
    """What the libraries save, without the weights."""
    with tempfile.TemporaryDirectory() as scratch:
        for part in parts:
            part.save_pretrained(scratch)
        for path in Path(scratch).glob("*.json"):
            shutil.copy(path, folder)


def record(folder: Path, cases: list[dict]) -> None:
    (folder / "expected.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")


def classified_texts(folder: Path, model: PreTrainedModel, tokens: PreTrainedTokenizerFast, names: list[str]) -> None:
    export(folder, model, text_inputs(names), "logits")
    save(folder, model, tokens)
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokens)
    cases = []
    for text in TEXTS:
        answers = pipe(text, top_k=None, truncation=True)
        cases.append({"text": text, "probabilities": {one["label"]: one["score"] for one in answers}})
    record(folder, cases)


def text_classification(folder: Path) -> None:
    tokens = bert_tokenizer()
    config = transformers.BertConfig(
        vocab_size=len(tokens), max_position_embeddings=LENGTH, pad_token_id=tokens.pad_token_id,
        id2label=dict(enumerate(["negative", "neutral", "positive"])), **SMALL,
    )
    model = randomised(transformers.BertForSequenceClassification(config))
    classified_texts(folder, model, tokens, ["input_ids", "attention_mask", "token_type_ids"])


def text_classification_of_several_labels(folder: Path) -> None:
    tokens = roberta_tokenizer()
    config = transformers.RobertaConfig(
        vocab_size=len(tokens), max_position_embeddings=LENGTH + tokens.pad_token_id + 1, type_vocab_size=1,
        pad_token_id=tokens.pad_token_id, problem_type="multi_label_classification",
        id2label=dict(enumerate(["spam", "angry", "urgent", "question"])), **SMALL,
    )
    model = randomised(transformers.RobertaForSequenceClassification(config))
    classified_texts(folder, model, tokens, ["input_ids", "attention_mask"])


def token_classification(folder: Path) -> None:
    tokens = bert_tokenizer()
    config = transformers.DistilBertConfig(
        vocab_size=len(tokens), max_position_embeddings=LENGTH, dim=16, n_layers=2, n_heads=2, hidden_dim=32,
        pad_token_id=tokens.pad_token_id, id2label=dict(enumerate(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])),
    )
    model = randomised(transformers.DistilBertForTokenClassification(config))
    export(folder, model, text_inputs(["input_ids", "attention_mask"]), "logits")
    save(folder, model, tokens)
    pipe = transformers.pipeline("token-classification", model=model, tokenizer=tokens, aggregation_strategy="simple")
    cases = []
    for text in TEXTS[:3]:
        entities = [
            {"label": one["entity_group"], "score": float(one["score"]), "start": one["start"], "end": one["end"]}
            for one in pipe(text)
        ]
        cases.append({"text": text, "entities": entities})
    record(folder, cases)


def embedded_texts(folder: Path, pooling: str) -> None:
    tokens = bert_tokenizer()
    config = transformers.BertConfig(
        vocab_size=len(tokens), max_position_embeddings=LENGTH, pad_token_id=tokens.pad_token_id, **SMALL
    )
    model = randomised(transformers.BertModel(config, add_pooling_layer=False))
    export(folder, model, text_inputs(["input_ids", "attention_mask", "token_type_ids"]), "last_hidden_state")
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        tokens.save_pretrained(scratch)
        words = Transformer(scratch, max_seq_length=LENGTH - 8)
        whole = SentenceTransformer(modules=[words, Pooling(config.hidden_size, pooling), Normalize()], device="cpu")
        saved = Path(scratch) / "saved"
        whole.save(str(saved))
        for path in saved.rglob("*.json"):
            target = folder / path.relative_to(saved)
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
        cases = [{"text": text, "embedding": whole.encode(text).astype(float).tolist()} for text in TEXTS]
    record(folder, cases)


def text_embedding(folder: Path) -> None:
    embedded_texts(folder, "mean")


def text_embedding_of_the_first_token(folder: Path) -> None:
    embedded_texts(folder, "cls")


def classified_pictures(folder: Path, model: PreTrainedModel, processor: Any, side: int) -> None:
    export(folder, model, {"pixel_values": torch.zeros(2, 3, side, side)}, "logits")
    save(folder, model, processor)
    pipe = transformers.pipeline("image-classification", model=model, image_processor=processor)
    cases = []
    for name in PICTURES:
        # The pipeline itself turns a picture upright and to RGB only when it opens the file.
        picture = ImageOps.exif_transpose(Image.open(TESTS / "pillow" / "pictures" / name)).convert("RGB")
        answers = pipe(picture, top_k=99)
        cases.append({"picture": name, "probabilities": {one["label"]: one["score"] for one in answers}})
    record(folder, cases)


def processor(name: str) -> Any:
    """The variant that works with Pillow, where there are two."""
    return getattr(transformers, f"{name}Pil", None) or getattr(transformers, name)


def image_classification(folder: Path) -> None:
    config = transformers.ViTConfig(
        image_size=24, patch_size=8, id2label=dict(enumerate(["cat", "dog", "fox", "owl"])), **SMALL
    )
    model = randomised(transformers.ViTForImageClassification(config))
    steps = processor("ViTImageProcessor")(size={"height": 24, "width": 24}, resample=Image.Resampling.BICUBIC)
    classified_pictures(folder, model, steps, 24)


def image_classification_of_the_middle(folder: Path) -> None:
    config = transformers.ConvNextConfig(
        hidden_sizes=[4, 8, 8, 8], depths=[1, 1, 1, 1], image_size=32,
        id2label=dict(enumerate(["cat", "dog", "fox", "owl"])),
    )
    model = randomised(transformers.ConvNextForImageClassification(config))
    steps = processor("ConvNextImageProcessor")(size={"shortest_edge": 32}, crop_pct=0.875)
    classified_pictures(folder, model, steps, 32)


def main() -> None:
    transformers.logging.set_verbosity_error()
    kinds = [
        text_classification, text_classification_of_several_labels, token_classification, text_embedding,
        text_embedding_of_the_first_token, image_classification, image_classification_of_the_middle,
    ]
    for make in kinds:
        folder = HERE / make.__name__.replace("_", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        make(folder)
        print(folder.name, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()), "bytes")


if __name__ == "__main__":
    main()
