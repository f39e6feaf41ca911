"""Writes `models.zip`: what `tests/tests/check.rs` checks, with data in the ONNX layout.

    python generate.py

`pass` has what must pass: maps and strings, weights in a file of their own, types of 16 and fewer
bits, several sets of data, a model with a name of its own. `fail` has one fault in each.
"""

import pathlib
import tempfile
import zipfile

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

ROOT = pathlib.Path(tempfile.mkdtemp())
ARCHIVE = pathlib.Path(__file__).parent / "models.zip"
FLOATS = np.array([[1.0, -2.0, 0.5], [0.25, 4.0, -1.0]], np.float32)


def graph(nodes, inputs, outputs, initializers=()):
    """A model of a few nodes."""
    body = helper.make_graph(nodes, "graph", inputs, outputs, list(initializers))
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(body, opset_imports=opsets, ir_version=10)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def write(path, model, *sets, name="model.onnx"):
    """A model with its sets of inputs and outputs, each a list of protobufs."""
    folder = ROOT / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(model.SerializeToString(deterministic=True))
    for number, (inputs, outputs) in enumerate(sets):
        data = folder / f"test_data_set_{number}"
        data.mkdir(exist_ok=True)
        for kind, protos in (("input", inputs), ("output", outputs)):
            for place, proto in enumerate(protos):
                (data / f"{kind}_{place}.pb").write_bytes(
                    proto.SerializeToString(deterministic=True)
                )


def tensor(array):
    array = np.asarray(array)
    return numpy_helper.from_array(array.astype(object) if array.dtype.kind == "U" else array)


def scale(weights=None):
    """y = x * w."""
    weights = weights or numpy_helper.from_array(np.array([1, 2, 4], np.float32), "w")
    return graph(
        [helper.make_node("Mul", ["x", "w"], ["y"], name="scale")],
        [value("x", TensorProto.FLOAT, ["N", 3])],
        [value("y", TensorProto.FLOAT, ["N", 3])],
        [weights],
    )


SCALED = FLOATS * np.array([1, 2, 4], np.float32)


def elsewhere(location, **place):
    """Three weights that lie in a file."""
    weights = numpy_helper.from_array(np.array([1, 2, 4], np.float32), "w")
    set_external_data(weights, location, **place)
    weights.ClearField("raw_data")
    return weights


def external(folder, content):
    """The same with its weights in a file."""
    weights = elsewhere("model.onnx.data", offset=4, length=12)
    (ROOT / folder).mkdir(parents=True, exist_ok=True)
    if content is not None:
        (ROOT / folder / "model.onnx.data").write_bytes(content)
    write(folder, scale(weights), ([tensor(FLOATS)], [tensor(SCALED)]))


def classifier():
    """A linear classifier of three named classes."""
    classes = ["red", "green", "blue"]
    coefficients = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    sequence = helper.make_sequence_type_proto(
        helper.make_map_type_proto(
            TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        )
    )
    return graph(
        [
            helper.make_node(
                "LinearClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml",
                coefficients=coefficients, intercepts=[0.0, 0.0, 0.0],
                classlabels_strings=classes, post_transform="NONE",
            ),
            helper.make_node(
                "ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_strings=classes
            ),
        ],
        [value("x", TensorProto.FLOAT, ["N", 3])],
        [value("label", TensorProto.STRING, ["N"]), helper.make_value_info("maps", sequence)],
    )


LABELS = ["red", "green"]


def maps(rows, names=("red", "green", "blue"), each=False):
    """A map for each row; its values are one tensor of float32, or one of float64 `each`."""
    sequence = onnx.SequenceProto(elem_type=onnx.SequenceProto.MAP)
    for row in rows:
        entry = sequence.map_values.add(key_type=TensorProto.STRING)
        entry.string_keys.extend(name.encode() for name in names)
        entry.values.elem_type = onnx.SequenceProto.TENSOR
        values = [np.float64(number) for number in row] if each else [np.float32(row)]
        entry.values.tensor_values.extend(tensor(value) for value in values)
    return sequence


def casts():
    """A float as types of fewer bits."""
    kinds = [
        ("half", TensorProto.FLOAT16, np.float16),
        ("brain", TensorProto.BFLOAT16, ml_dtypes.bfloat16),
        ("e4m3", TensorProto.FLOAT8E4M3FN, ml_dtypes.float8_e4m3fn),
        ("e5m2", TensorProto.FLOAT8E5M2, ml_dtypes.float8_e5m2),
        ("nibble", TensorProto.INT4, ml_dtypes.int4),
    ]
    nodes = [helper.make_node("Cast", ["x"], [name], to=kind) for name, kind, _ in kinds]
    model = graph(
        nodes,
        [value("x", TensorProto.FLOAT, ["N", 3])],
        [value(name, kind, ["N", 3]) for name, kind, _ in kinds],
    )
    whole = np.array([[1, -2, 3], [0, 4, -8]], np.float32)
    return model, ([tensor(whole)], [tensor(whole.astype(dtype)) for *_, dtype in kinds])


def main():
    given = [tensor(FLOATS)]
    sound = (given, [tensor(SCALED)])
    special = np.array([[np.nan, np.inf, -np.inf]], np.float32)
    write("pass/scale", scale(), sound, ([tensor(special)], [tensor(special)]))
    write("pass/named", scale(), sound, name="scale_by_three.onnx")
    write("pass/deeper/maps", classifier(), (given, [tensor(LABELS), maps(FLOATS)]))
    each = maps(FLOATS, each=True)
    write("pass/deeper/doubles", classifier(), (given, [tensor(LABELS), each]))
    write("pass/narrow", *casts())
    external("pass/external", b"\0\0\0\0" + np.array([1, 2, 4], np.float32).tobytes())

    off = SCALED.copy()
    off[1, 1] += 0.5
    off[0, 0] += 0.25
    write("fail/value", scale(), sound, (given, [tensor(off)]))
    write("fail/nan", scale(), (given, [tensor(SCALED * np.array([1, np.nan, 1], np.float32))]))
    write("fail/shape", scale(), (given, [tensor(SCALED.reshape(3, 2))]))
    write("fail/type", scale(), (given, [tensor(SCALED.astype(np.float64))]))
    write("fail/input_type", scale(), ([tensor(FLOATS.astype(np.float64))], [tensor(SCALED)]))
    labels = [tensor(["red", "blue"]), maps(FLOATS + np.array([0, 0, 0.125], np.float32))]
    write("fail/label", classifier(), (given, labels))
    keys = maps(FLOATS, ("red", "green", "cyan"))
    write("fail/key", classifier(), (given, [tensor(LABELS), keys]))
    write("fail/length", classifier(), (given, [tensor(LABELS), maps(FLOATS[:1])]))
    write("fail/no_data", scale())
    write("fail/no_output", scale(), (given, []))
    write("fail/too_many", scale(), (given, [tensor(SCALED), tensor(SCALED)]))
    cut = tensor(SCALED)
    cut.raw_data = cut.raw_data[:-4]
    write("fail/cut", scale(), (given, [cut]))
    strange = scale()
    strange.graph.node[0].op_type = "Multiply"
    write("fail/operator", strange, sound)
    external("fail/weights_missing", None)
    external("fail/weights_cut", b"\0\0\0\0" + np.array([1, 2], np.float32).tobytes())
    write("fail/weights_outside", scale(elsewhere("../value/model.onnx")), sound)
    folder = ROOT / "fail/no_model"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"not a model")
    with zipfile.ZipFile(ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in ROOT.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(ROOT)))
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
