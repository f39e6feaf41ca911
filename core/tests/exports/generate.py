"""Exports fitted models of many kinds and writes them with ONNX Runtime's answers.

    python generate.py OUT [BEGINNING OF A NAME…]
    python generate.py --pack OUT

Each case is a folder in the layout of the ONNX test data: `NAME/model.onnx` and
`NAME/test_data_set_0/{input,output}_I.pb`. A case whose exporter or ONNX Runtime refuses it is left
out with a line on standard error. With `--pack` the folders of OUT go into `fixtures.zip`.
"""

from __future__ import annotations

import shutil
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

import boosters
import operators
import pipelines
import special

FAMILIES = [pipelines, boosters, operators, special]


def whole(key, value, *rest, make=onnx.helper.make_attribute, **named):
    """An attribute, its bools as integers: scikit-learn's histograms have them, protobuf none."""
    if isinstance(value, (list, tuple)):
        value = [int(v) if isinstance(v, (bool, np.bool_)) else v for v in value]
    return make(key, value, *rest, **named)


onnx.helper.make_attribute = whole


def value(answer, declared):
    """A result of ONNX Runtime as a protobuf message."""
    kind = declared.type.WhichOneof("value")
    if isinstance(answer, list) and kind != "tensor_type":
        if answer and isinstance(answer[0], dict):
            sequence = onnx.SequenceProto(elem_type=onnx.SequenceProto.MAP)
            sequence.map_values.extend(mapping(entry) for entry in answer)
            return sequence
        sequence = onnx.SequenceProto(elem_type=onnx.SequenceProto.TENSOR)
        sequence.tensor_values.extend(tensor(np.asarray(entry)) for entry in answer)
        return sequence
    return tensor(np.asarray(answer))


def tensor(array: np.ndarray):
    if array.dtype.kind in "OUT":
        array = array.astype(object)
    return numpy_helper.from_array(array)


def mapping(entry: dict):
    keys, values = list(entry), np.array(list(entry.values()))
    result = onnx.MapProto()
    if values.dtype == np.float64 and all(isinstance(v, float) for v in entry.values()):
        values = values.astype(np.float32)
    if isinstance(keys[0], str):
        result.key_type = onnx.TensorProto.STRING
        result.string_keys.extend(key.encode() for key in keys)
    else:
        result.key_type = onnx.TensorProto.INT64
        result.keys.extend(keys)
    result.values.elem_type = onnx.SequenceProto.TENSOR
    result.values.tensor_values.append(tensor(values))
    return result


def write(folder: Path, model: onnx.ModelProto, inputs: dict) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    # Answers of the graph as it is, not of what an optimiser makes of it.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    answers = session.run(None, inputs)
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    known = {initializer.name for initializer in model.graph.initializer}
    declared = [entry for entry in model.graph.input if entry.name not in known]
    for index, entry in enumerate(declared):
        given = inputs[entry.name]
        if isinstance(given, dict):
            proto = mapping(given)
        else:
            proto = tensor(np.asarray(given))
            proto.name = entry.name
        (data / f"input_{index}.pb").write_bytes(proto.SerializeToString())
    for index, (entry, answer) in enumerate(zip(model.graph.output, answers)):
        proto = value(answer, entry)
        proto.name = entry.name
        (data / f"output_{index}.pb").write_bytes(proto.SerializeToString())


def pack(folder: Path) -> None:
    """Packs all cases but the largest, the same bytes for the same files."""
    largest = 64 * 1024
    with zipfile.ZipFile(Path(__file__).parent / "fixtures.zip", "w") as archive:
        for case in sorted(path for path in folder.iterdir() if path.is_dir()):
            files = sorted(path for path in case.rglob("*") if path.is_file())
            if sum(path.stat().st_size for path in files) > largest:
                continue
            for path in files:
                entry = zipfile.ZipInfo(str(path.relative_to(folder)))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes(), compresslevel=9)


def main() -> None:
    if sys.argv[1] == "--pack":
        return pack(Path(sys.argv[2]))
    out, wanted = Path(sys.argv[1]), set(sys.argv[2:])
    warnings.simplefilter("ignore")
    written = 0
    for family in FAMILIES:
        for name, build in family.cases():
            if wanted and not any(name.startswith(prefix) for prefix in wanted):
                continue
            folder = out / name
            shutil.rmtree(folder, ignore_errors=True)
            try:
                model, inputs = build()
                write(folder, model, inputs)
                written += 1
            except Exception as error:  # the exporters fail in many ways
                shutil.rmtree(folder, ignore_errors=True)
                text = " ".join(str(error).split())[:200]
                print(f"left out {name}: {type(error).__name__}: {text}", file=sys.stderr)
    print(f"{written} cases in {out}")


if __name__ == "__main__":
    main()
