"""Makes small models with random weights with `transformers`, exports them as Optimum does, and records
what the `transformers` pipelines answer.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python generate.py

Each folder is what `host-cli package` takes, and `expected.json` beside it has inputs with answers.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from tokenizers import Tokenizer
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    PreTrainedTokenizerFast,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    pipeline,
)

HERE = Path(__file__).resolve().parent
TOKENIZER = HERE.parent.parent / "core" / "tests" / "tokenizers" / "bert.json"
PICTURES = HERE.parent.parent / "core" / "tests" / "pillow" / "pictures"
TEXTS = [
    "The quick brown fox",
    "It is not bad at all; I wanted to like it.",
    "Größere Städte haben 1234 Straßen!",
    "word " * 100,
]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


def scatter(model: torch.nn.Module) -> torch.nn.Module:
    """Weights that are large enough for answers to differ."""
    torch.manual_seed(7)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "LayerNorm" not in name and "layernorm" not in name:
                weight.normal_(0, 0.6)
    return model.eval()


def export(model: torch.nn.Module, folder: Path, inputs: dict, outputs: list[str]) -> None:
    names = list(inputs)

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *values):
            found = self.model(**dict(zip(names, values)))
            return tuple(found[name] for name in outputs)

    axes = {name: {0: "batch_size"} for name in names + outputs}
    for name in names:
        if name != "pixel_values":
            axes[name][1] = "sequence_length"
    if outputs == ["last_hidden_state"]:
        axes["last_hidden_state"][1] = "sequence_length"
    torch.onnx.export(
        Plain(), tuple(inputs.values()), str(folder / "model.onnx"), input_names=names, output_names=outputs,
        dynamic_axes=axes, opset_version=17, dynamo=False,
    )


def text_model(kind: type, folder: Path, outputs: list[str], **settings) -> tuple:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_file(str(TOKENIZER)), pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=48,
    )
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=48, **SIZES, **settings)
    config._attn_implementation = "eager"
    model = scatter(kind(config))
    folder.mkdir()
    model.config.architectures = [kind.__name__]
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    inputs = dict(tokenizer("the quick brown fox", return_tensors="pt"))
    inputs = {name: inputs[name] for name in ["input_ids", "attention_mask", "token_type_ids"] if name in inputs}
    export(model, folder, inputs, outputs)
    return model, tokenizer


def save(folder: Path, cases: list[dict]) -> None:
    (folder / "expected.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
    keep = {"model.onnx", "config.json", "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "expected.json"}
    for path in folder.iterdir():
        if path.name not in keep:
            path.unlink()


def text_classification(folder: Path) -> None:
    labels = {0: "negative", 1: "neutral", 2: "positive"}
    model, tokenizer = text_model(BertForSequenceClassification, folder, ["logits"], id2label=labels)
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None, device="cpu")
    cases = []
    for text in TEXTS:
        found = classify(text, truncation=True)
        cases.append({"text": text, "probabilities": {one["label"]: one["score"] for one in found}})
    save(folder, cases)


def token_classification(folder: Path) -> None:
    labels = dict(enumerate(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]))
    model, tokenizer = text_model(BertForTokenClassification, folder, ["logits"], id2label=labels)
    tag = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple", device="cpu")
    cases = []
    for text in TEXTS[:3]:
        found = [
            {"label": one["entity_group"], "score": float(one["score"]), "start": one["start"], "end": one["end"]}
            for one in tag(text)
        ]
        cases.append({"text": text, "entities": found})
    save(folder, cases)


def text_embedding(folder: Path) -> None:
    model, tokenizer = text_model(BertModel, folder, ["last_hidden_state"])
    cases = []
    for text in TEXTS:
        inputs = tokenizer(text, return_tensors="pt", truncation=True)
        with torch.no_grad():
            states = model(**inputs).last_hidden_state[0]
        cases.append({"text": text, "embedding": states.mean(0).tolist()})
    save(folder, cases)


def image_classification(folder: Path) -> None:
    labels = {0: "cat", 1: "dog", 2: "fox", 3: "owl"}
    config = ViTConfig(image_size=32, patch_size=8, id2label=labels, **SIZES)
    config._attn_implementation = "eager"
    model = scatter(ViTForImageClassification(config))
    processor = ViTImageProcessor(size={"height": 32, "width": 32}, resample=Image.Resampling.BICUBIC)
    folder.mkdir()
    model.config.architectures = [ViTForImageClassification.__name__]
    model.config.save_pretrained(folder)
    processor.save_pretrained(folder)
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    export(model, folder, {"pixel_values": torch.zeros(1, 3, 32, 32)}, ["logits"])
    cases = []
    for name in ["smooth-420-baseline-92.jpg", "edges-422-progressive-60.jpg", "rgba.png", "orientation-6.jpg"]:
        picture = Image.open(PICTURES / name)
        picture = ImageOps.exif_transpose(picture).convert("RGB")
        # By hand, with Pillow and NumPy: the processors of later releases scale with torch instead.
        scaled = np.asarray(picture.resize((32, 32), Image.Resampling.BICUBIC)).astype(np.float64) * (1 / 255)
        pixels = (scaled.astype(np.float32) - np.float32(0.5)) / np.float32(0.5)
        with torch.no_grad():
            logits = model(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]).logits[0]
        scores = logits.softmax(0).tolist()
        cases.append({"picture": name, "probabilities": dict(zip(labels.values(), scores))})
    assert settings["image_mean"] == [0.5, 0.5, 0.5], settings
    save(folder, cases)


def main() -> None:
    for make in [text_classification, token_classification, text_embedding, image_classification]:
        folder = HERE / make.__name__.replace("_", "-")
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        print(folder.name, sum(path.stat().st_size for path in folder.iterdir()), "bytes")


if __name__ == "__main__":
    main()
