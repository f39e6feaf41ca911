"""A baked component in wasmtime as others publish it (the bindings for Python, of another version than the hosts'
own): predicts the package's reference cases, and compares every bit.

    python run.py COMPONENT.wasm reference-cases.json CACHE-FOLDER
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

from wasmtime import Config, Engine, Store
from wasmtime.component import Component, Linker, Variant

INTERFACE = "samebits:predictor/model@0.1.0"
WIDTH = {"float32": 4, "int64": 8}
"""Bytes of the element types that the bundled models answer with."""


def answer(prediction: object) -> dict:
    """A prediction as a reference case has it."""
    expected = {name: getattr(prediction, name) for name in ("label", "action", "json")}
    if prediction.score is not None:
        expected["score"] = struct.pack(">f", prediction.score).hex()
    expected["outputs"] = {tensor.name: bits(tensor) for tensor in prediction.outputs}
    return {name: value for name, value in expected.items() if value is not None}


def bits(tensor: object) -> str:
    """The elements in hexadecimal, the bytes of each turned round."""
    data = bytes(tensor.data)
    width = WIDTH[getattr(tensor, "element-type")]
    return b"".join(data[at : at + width][::-1] for at in range(0, len(data), width)).hex()


def main() -> None:
    """Compares, and ends with 1 if anything differs."""
    component_path, cases_path, cache = sys.argv[1:]
    settings = Path(cache) / "cache.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f"[cache]\ndirectory = {json.dumps(cache)}\n", encoding="utf-8")
    config = Config()
    config.cache = str(settings)
    engine = Engine(config)
    component = Component.from_file(engine, component_path)
    store = Store(engine)
    instance = Linker(engine).instantiate(store, component)
    model = instance.get_export_index(store, INTERFACE)
    predict = instance.get_func(store, instance.get_export_index(store, "predict", model))
    cases = json.loads(Path(cases_path).read_text(encoding="utf-8"))["cases"]
    wrong = 0
    for case in cases:
        result = predict(store, [Variant("json", json.dumps(case["input"]))])
        predict.post_return(store)
        found = answer(result[0])
        if found != case["expected"]:
            wrong += 1
            print(f"{case['name']}:\n  expected {case['expected']}\n  found    {found}")
    print(f"{len(cases)} cases, {wrong} differ")
    sys.exit(1 if wrong or not cases else 0)


if __name__ == "__main__":
    main()
