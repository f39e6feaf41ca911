"""Whole graphs, tensors in and out, one thread: the sandbox beside the native core, ONNX Runtime, and ONNX Runtime
Web in Node, alternating. Writes its table into `docs/performance.md`.

    target/tools/bench/bin/python benches/models.py      (set up as for benches/run.py)

Besides the bundled models: SqueezeNet and ResNet-50 as they come with the `onnx` package (their weights are
constants; the work is the same), and a transformer encoder of MiniLM's size with random weights.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from measure import Figures, answer, circumstances, number, repeated, run, table, write_report

ROOT = Path(__file__).resolve().parent.parent
BENCHES = ROOT / "benches"
RELEASE = ROOT / "target" / "release"
CLI = RELEASE / "host-cli"
MODELS = ROOT / "models"
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
WORK = ROOT / "target" / "bench" / "models"
ROUNDS = 3
SECONDS = 1
LAYERS, WIDTH, HEADS, INNER, TOKENS = 6, 384, 12, 1536, 64


def encoder() -> onnx.ModelProto:
    """A transformer encoder: f32 [1, 64, 384] to the same, six layers, Gelu by Erf, as exporters write it."""
    random = np.random.default_rng(5)
    nodes, weights = [], []

    def weight(name: str, *shape: int) -> str:
        scale = 1 / np.sqrt(shape[0]) if len(shape) == 2 else 0.1
        weights.append(numpy_helper.from_array((random.normal(size=shape) * scale).astype(np.float32), name))
        return name

    def constant(name: str, value: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(value, name))
        return name

    def node(operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def dense(x: str, name: str, inputs: int, outputs: int) -> str:
        product = node("MatMul", [x, weight(f"{name}.w", inputs, outputs)], f"{name}.product")
        return node("Add", [product, weight(f"{name}.b", outputs)], f"{name}.sum")

    def norm(x: str, name: str) -> str:
        scale = constant(f"{name}.scale", np.ones(WIDTH, np.float32))
        return node("LayerNormalization", [x, scale, weight(f"{name}.shift", WIDTH)], name, axis=-1)

    apart = constant("apart", np.array([1, TOKENS, HEADS, WIDTH // HEADS], np.int64))
    together = constant("together", np.array([1, TOKENS, WIDTH], np.int64))
    divisor = constant("divisor", np.array(np.sqrt(WIDTH / HEADS), np.float32))
    root, one, half = (constant(str(v), np.array(v, np.float32)) for v in (np.sqrt(2), 1, 0.5))
    x = "x"
    for i in range(LAYERS):
        heads = {}
        for part, order in [("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])]:
            split = node("Reshape", [dense(x, f"{i}.{part}", WIDTH, WIDTH), apart], f"{i}.{part}.apart")
            heads[part] = node("Transpose", [split], f"{i}.{part}.heads", perm=order)
        scores = node("MatMul", [heads["q"], heads["k"]], f"{i}.scores")
        scores = node("Softmax", [node("Div", [scores, divisor], f"{i}.scaled")], f"{i}.softmax", axis=-1)
        seen = node("Transpose", [node("MatMul", [scores, heads["v"]], f"{i}.seen")], f"{i}.back", perm=[0, 2, 1, 3])
        seen = dense(node("Reshape", [seen, together], f"{i}.together"), f"{i}.o", WIDTH, WIDTH)
        x = norm(node("Add", [x, seen], f"{i}.residual"), f"{i}.norm")
        inner = dense(x, f"{i}.up", WIDTH, INNER)
        erf = node("Erf", [node("Div", [inner, root], f"{i}.divided")], f"{i}.erf")
        gelu = node("Mul", [inner, node("Add", [erf, one], f"{i}.plus")], f"{i}.times")
        gelu = node("Mul", [gelu, half], f"{i}.gelu")
        x = norm(node("Add", [x, dense(gelu, f"{i}.down", INNER, WIDTH)], f"{i}.residual2"), f"{i}.norm2")
    graph = helper.make_graph(
        nodes, "encoder",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, TOKENS, WIDTH])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, TOKENS, WIDTH])],
        initializer=weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def graphs() -> dict[str, tuple[Path, Path | None]]:
    """Each graph, with its package if it has one."""
    WORK.mkdir(parents=True, exist_ok=True)
    made = WORK / "minilm.onnx"
    made.write_bytes(encoder().SerializeToString())
    bundled = {
        "digits": MODELS / "digits" / "package",
        "photos": MODELS / "photos" / "package",
        "photos, 8 bits": MODELS / "photos" / "package-int8",
        "sentiment, 8 bits, 32 tokens": MODELS / "sentiment" / "package",
    }
    return {
        **{name: (package / "model.onnx", package) for name, package in bundled.items()},
        "SqueezeNet": (LIGHT / "light_squeezenet.onnx", None),
        "ResNet-50": (LIGHT / "light_resnet50.onnx", None),
        "an encoder of MiniLM's size, 64 tokens": (made, None),
    }


def session(graph: Path) -> onnxruntime.InferenceSession:
    """ONNX Runtime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def inputs(runtime: onnxruntime.InferenceSession, folder: Path) -> tuple[dict[str, np.ndarray], Path]:
    """Random inputs of the graph's shapes, also as files."""
    random = np.random.default_rng(1)
    feeds, entries = {}, []
    for given in runtime.get_inputs():
        shape = [extent if isinstance(extent, int) else (1 if place == 0 else 32) for place, extent in enumerate(given.shape)]
        if given.type == "tensor(int64)":
            value = np.ones(shape, np.int64) if "mask" in given.name else random.integers(5, 500, shape)
        else:
            value = random.normal(size=shape).astype(np.float32)
        feeds[given.name] = value
        file = folder / f"{len(entries)}.bin"
        value.tofile(file)
        entries.append({"name": given.name, "type": str(value.dtype), "shape": shape, "file": str(file)})
    path = folder / "inputs.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    return feeds, path


def row(name: str, graph: Path, package: Path | None) -> list[str]:
    """The table's line of a graph."""
    folder = WORK / graph.parent.parent.name / graph.stem
    folder.mkdir(parents=True, exist_ok=True)
    if package is None:
        package = folder / "package"
        shutil.rmtree(package, ignore_errors=True)
        run([str(CLI), "package", str(graph), "--output", str(package), "--task", "tensors"])
    baked = folder / "baked"
    run([str(CLI), "bake", str(package), "--output", str(baked)])
    runtime = session(graph)
    feeds, path = inputs(runtime, folder)
    sandbox = [str(RELEASE / "examples" / "sandbox_graph"), str(baked), str(path), str(SECONDS)]
    native = [str(RELEASE / "examples" / "native_graph"), str(package), str(path), str(SECONDS)]
    web = ["node", str(BENCHES / "web_graph.mjs"), str(graph), str(path), str(SECONDS)]
    figures: dict[str, Figures] = defaultdict(Figures)
    for _ in range(ROUNDS):
        figures["peer"].add(repeated(lambda: runtime.run(None, feeds), SECONDS))
        found = answer(sandbox)
        figures["reused"].add(found["reuse"])
        figures["fresh"].add(found["fresh"])
        figures["native"].add(float(run(native)[1]))
        figures["web"].add(float(run(web)[1]))
    peer = figures["peer"].median
    cells = [f"{figures[side].text(1e3)}, {number(figures[side].median / peer)}" for side in ("reused", "fresh", "native", "web")]
    return [f"{name} ({number(graph.stat().st_size / 1e6)} MB)", *cells, figures["peer"].text(1e3)]


def main() -> None:
    """Runs everything and writes the report."""
    rows = [row(name, *where) for name, where in graphs().items()]
    head = [
        "batch 1, one thread; ms, and times ONNX Runtime", "sandbox, reused", "sandbox, fresh", "native core",
        "ONNX Runtime Web in Node", "ONNX Runtime",
    ]
    text = f"{circumstances()}: medians of {ROUNDS} runs.\n\n{table(head, rows)}"
    write_report(ROOT / "docs" / "performance.md", "benches/models.py", text)
    print(text)


if __name__ == "__main__":
    main()
