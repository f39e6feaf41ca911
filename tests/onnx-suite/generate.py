"""Writes the node cases of the ONNX backend test suite as files, in the ONNX layout:
CASE/model.onnx, CASE/test_data_set_0/input_N.pb and output_N.pb. Beside them, CASE/operator.txt
names the operator that the case is about (an `expanded` case has other operators in its graph),
and operators.txt lists the operators of the standard with their versions.

    python generate.py FOLDER

Needs the package `onnx` in the version that the expectations beside this file were made with.
Some cases of the suite draw their inputs at random: the seed is fixed here, so that every run
writes the same bytes.
"""

import pathlib
import sys
import warnings

import numpy
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

VERSION = "1.23.0"

ENCODERS = {
    "map_type": numpy_helper.from_dict,
    "sequence_type": numpy_helper.from_list,
    "optional_type": numpy_helper.from_optional,
    "tensor_type": numpy_helper.from_array,
}


def encode(value, declared):
    """One input or output as the protobuf of its declared type."""
    if not isinstance(value, onnx.TensorProto):
        value = ENCODERS[declared.type.WhichOneof("value")](value, declared.name)
    elif value.data_type != onnx.TensorProto.STRING and not value.HasField("raw_data"):
        # One form for all numbers.
        value = numpy_helper.from_array(numpy_helper.to_array(value), value.name)
    return value.SerializeToString(deterministic=True)


def operator(case, cases):
    """The operator that a case is about."""
    for suffix in ("_expanded_ver18", "_expanded"):
        original = cases.get(case.name.removesuffix(suffix))
        if original is not None and original is not case:
            return operator(original, cases)
    nodes = case.model.graph.node
    # A case may make its inputs with other nodes first.
    node = nodes[-1] if nodes[0].op_type == "Constant" else nodes[0]
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type


def write(case, cases, folder):
    """A case with all its data."""
    folder.mkdir(parents=True)
    (folder / "operator.txt").write_text(operator(case, cases))
    (folder / "model.onnx").write_bytes(case.model.SerializeToString(deterministic=True))
    for number, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{number}"
        data.mkdir()
        for kind, values, declared in (
            ("input", inputs, case.model.graph.input),
            ("output", outputs, case.model.graph.output),
        ):
            for place, (value, declaration) in enumerate(zip(values, declared)):
                (data / f"{kind}_{place}.pb").write_bytes(encode(value, declaration))


def standard():
    """A line for each operator that is not deprecated: its name and versions."""
    versions = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain in ("", "ai.onnx.ml"):
            name = f"{schema.domain}.{schema.name}" if schema.domain else schema.name
            versions.setdefault(name, {})[schema.since_version] = schema.deprecated
    for name, known in sorted(versions.items()):
        if not known[max(known)]:
            yield " ".join([name, *map(str, sorted(known))])


def main():
    if onnx.__version__ != VERSION:
        sys.exit(f"onnx {onnx.__version__} is installed, {VERSION} is needed")
    root = pathlib.Path(sys.argv[1])
    warnings.filterwarnings("ignore")
    numpy.random.seed(0)
    root.mkdir(parents=True)
    (root / "operators.txt").write_text("\n".join(standard()) + "\n")
    cases = {case.name: case for case in collect_testcases(None)}
    for case in cases.values():
        write(case, cases, root / case.name)


if __name__ == "__main__":
    main()
