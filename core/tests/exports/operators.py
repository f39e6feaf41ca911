"""Single operators of `ai.onnx.ml` and of texts, with attributes that exporters rarely write."""

from __future__ import annotations

from functools import partial

import numpy as np
from onnx import TensorProto, helper, numpy_helper

ROWS = np.random.default_rng(3).normal(size=(6, 3)).astype(np.float32)
ROWS[1] = 0
KINDS = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.float64): TensorProto.DOUBLE,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.int32): TensorProto.INT32,
    np.dtype(np.int16): TensorProto.INT16,
    np.dtype(np.uint32): TensorProto.UINT32,
    np.dtype(np.bool_): TensorProto.BOOL,
    np.dtype(object): TensorProto.STRING,
}
TRANSFORMS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]


def case(operator, data, outputs, domain="ai.onnx.ml", ml=3, opset=18, **attributes):
    """A graph of one node; `outputs` are the element types. Integers and flags that come after the
    first input are constants, as exporters write them."""
    inputs = data if isinstance(data, list) else [data]
    fixed = [i > 0 and array.dtype.kind in "ib" for i, array in enumerate(inputs)]
    names = [f"x{i}" for i in range(len(inputs))]
    results = [f"y{i}" for i in range(len(outputs))]
    attributes = {name: value for name, value in attributes.items() if value is not None}
    node = helper.make_node(operator, names, results, domain=domain, **attributes)

    rows = inputs[0].shape[:1]

    def info(name, array):
        dims = ["N", *array.shape[1:]] if rows and array.shape[:1] == rows else array.shape
        return helper.make_tensor_value_info(name, KINDS[array.dtype], dims)

    graph = helper.make_graph(
        [node],
        operator,
        [info(name, array) for name, array, fix in zip(names, inputs, fixed) if not fix],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(results, outputs)],
        [
            numpy_helper.from_array(array, name)
            for name, array, fix in zip(names, inputs, fixed)
            if fix
        ],
    )
    sets = [
        helper.make_opsetid("", opset),
        helper.make_opsetid("ai.onnx.ml", ml),
        helper.make_opsetid("com.microsoft", 1),
    ]
    model = helper.make_model(graph, opset_imports=sets, ir_version=8)
    given = [(name, array) for name, array, fix in zip(names, inputs, fixed) if not fix]
    return model, dict(given)


def words(*texts, shape=None):
    array = np.array(texts, dtype=object)
    return array if shape is None else array.reshape(shape)


def list_tensor(values, kind=None):
    array = np.array(values) if kind is None else np.array(values, dtype=kind)
    if array.dtype.kind in "OU":
        array = array.astype(object)
    return numpy_helper.from_array(array)


FLOAT, DOUBLE, INT64, STRING = (
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.INT64,
    TensorProto.STRING,
)


def cases():
    yield from numeric()
    yield from encoders()
    yield from linear()
    yield from machines()
    yield from trees()
    yield from texts()
    yield from standard()


def standard():
    """Operators of the standard on strings."""
    std = partial(case, domain="", opset=19)
    rows = words("a", "b", "é", "", "b", "a", shape=(2, 3))
    other = words("a", "x", "é", "", "b", "y", shape=(2, 3))
    flags = np.array([[True], [False]])
    bool_ = TensorProto.BOOL
    for name, operator, data, kinds, attributes in [
        ("equal", "Equal", [rows, other], [bool_], {}),
        ("equal_broadcast", "Equal", [rows, words("b", "b", "é")], [bool_], {}),
        ("where", "Where", [flags, rows, other], [STRING], {}),
        ("concat", "Concat", [rows, other], [STRING], {"axis": 1}),
        ("concat_rows", "Concat", [rows, other], [STRING], {"axis": 0}),
        ("gather", "Gather", [rows, np.array([2, 0])], [STRING], {"axis": 1}),
        ("gather_elements", "GatherElements", [rows, np.array([[1, 0, 1]])], [STRING], {}),
        ("gather_nd", "GatherND", [rows, np.array([[1, 0], [0, 2]])], [STRING], {}),
        ("reshape", "Reshape", [rows, np.array([3, -1])], [STRING], {}),
        ("identity", "Identity", [rows], [STRING], {}),
        ("transpose", "Transpose", [rows], [STRING], {"perm": [1, 0]}),
        ("flatten", "Flatten", [rows], [STRING], {"axis": 0}),
        ("squeeze", "Squeeze", [rows[:, :1].copy(), np.array([1])], [STRING], {}),
        ("unsqueeze", "Unsqueeze", [rows, np.array([1])], [STRING], {}),
        ("slice", "Slice", [rows, np.array([1]), np.array([3]), np.array([1])], [STRING], {}),
        ("expand", "Expand", [rows[:1], np.array([3, 3])], [STRING], {}),
        ("split", "Split", [rows, np.array([1, 2])], [STRING, STRING], {"axis": 1}),
        ("compress", "Compress", [rows, np.array([True, False, True])], [STRING], {"axis": 1}),
        ("compress_flat", "Compress", [ROWS, np.array([True, False, True])], [FLOAT], {}),
        ("shape", "Shape", [rows], [INT64], {}),
        ("scatter", "ScatterElements", [rows, np.array([[1, 0, 1]]), other[:1].copy()], [STRING], {}),
    ]:
        yield f"string_{name}", partial(std, operator, data, kinds, **attributes)


def numeric():
    kinds = [np.float32, np.float64, np.int64, np.int32]
    for kind in kinds:
        name = np.dtype(kind).name
        rows = (ROWS * 4).astype(kind)
        yield f"op_scaler_{name}", partial(
            case, "Scaler", rows, [FLOAT], offset=[0.5, 1.0, -2.0], scale=[2.0, 0.1, 1.0]
        )
        for norm in ["MAX", "L1", "L2"]:
            yield f"op_normalizer_{norm}_{name}", partial(
                case, "Normalizer", rows, [FLOAT], norm=norm
            )
    yield "op_scaler_one", partial(case, "Scaler", ROWS, [FLOAT], offset=[0.5], scale=[2.0])
    yield "op_scaler_vector", partial(
        case, "Scaler", ROWS[0], [FLOAT], offset=[0.5, 1.0, -2.0], scale=[2.0, 0.1, 1.0]
    )
    yield "op_normalizer_vector", partial(case, "Normalizer", ROWS[0], [FLOAT], norm="L2")
    yield "op_normalizer_negative", partial(
        case, "Normalizer", -np.abs(ROWS) - 1, [FLOAT], norm="MAX"
    )
    yield "op_binarizer", partial(case, "Binarizer", ROWS, [FLOAT], threshold=0.1)
    holes = ROWS.copy()
    holes[0, 0] = holes[2, 1] = np.nan
    yield "op_imputer_nan", partial(
        case,
        "Imputer",
        holes,
        [FLOAT],
        imputed_value_floats=[1.0, 2.0, 3.0],
        replaced_value_float=float("nan"),
    )
    yield "op_imputer_value", partial(
        case, "Imputer", ROWS, [FLOAT], imputed_value_floats=[9.0], replaced_value_float=0.0
    )
    yield "op_imputer_integers", partial(
        case,
        "Imputer",
        (ROWS * 2).astype(np.int64),
        [INT64],
        imputed_value_int64s=[7, 8, 9],
        replaced_value_int64=0,
    )
    for kind in [np.float32, np.float64, np.int64, np.int32]:
        data = (ROWS * 4).astype(kind)
        yield f"op_extract_{np.dtype(kind).name}", partial(
            case, "ArrayFeatureExtractor", [data, np.array([2, 0, 2])], [KINDS[data.dtype]]
        )
    yield "op_extract_strings", partial(
        case,
        "ArrayFeatureExtractor",
        [words("a", "b", "c", "d", shape=(2, 2)), np.array([1])],
        [STRING],
    )
    yield "op_extract_vector", partial(
        case, "ArrayFeatureExtractor", [ROWS[0], np.array([[1], [0]])], [FLOAT]
    )
    yield "op_extract_cube", partial(
        case, "ArrayFeatureExtractor", [ROWS.reshape(2, 3, 3), np.array([[1, 0]])], [FLOAT]
    )
    yield "op_vectorize", partial(
        case,
        "FeatureVectorizer",
        [ROWS, ROWS[:, :2].copy()],
        [FLOAT],
        inputdimensions=[3, 2],
    )
    yield "op_vectorize_uneven", partial(
        case,
        "FeatureVectorizer",
        [ROWS, ROWS[:, :2].copy()],
        [FLOAT],
        inputdimensions=[2, 4],
    )
    yield "op_vectorize_integers", partial(
        case, "FeatureVectorizer", (ROWS * 5).astype(np.int64), [FLOAT], inputdimensions=[3]
    )


def encoders():
    city = words("Rome", "Paris", "Oslo", "", shape=(4, 1))
    yield "op_onehot_strings", partial(
        case, "OneHotEncoder", city, [FLOAT], cats_strings=["Paris", "Rome"]
    )
    for kind in [np.int64, np.int32, np.float32, np.float64]:
        data = np.array([[3.0, -1.7], [1.9, 8.0]]).astype(kind)
        yield f"op_onehot_{np.dtype(kind).name}", partial(
            case, "OneHotEncoder", data, [FLOAT], cats_int64s=[1, 3, -1]
        )
    yield "op_onehot_vector", partial(
        case, "OneHotEncoder", np.array([3, 1]), [FLOAT], cats_int64s=[1, 3]
    )
    yield "op_onehot_twice", partial(
        case, "OneHotEncoder", np.array([3, 1]), [FLOAT], cats_int64s=[1, 3, 1]
    )
    for name, data, kind in [
        ("strings", city, INT64),
        ("integers", np.array([[5], [7], [0], [1]]), STRING),
    ]:
        yield f"op_category_{name}", partial(
            case,
            "CategoryMapper",
            data,
            [kind],
            cats_strings=["Paris", "Rome"],
            cats_int64s=[5, 7],
            default_int64=-3,
            default_string="other",
        )
        yield f"op_category_{name}_default", partial(
            case, "CategoryMapper", data, [kind], cats_strings=["Paris"], cats_int64s=[5]
        )
        yield f"op_label_1_{name}", partial(
            case,
            "LabelEncoder",
            data,
            [kind],
            ml=1,
            classes_strings=["Oslo", "Paris", "Rome"],
        )
    keys = {
        "strings": (["Rome", "Paris", "Rome"], city),
        "int64s": ([4, -1, 4], np.array([[4, 0], [-1, 4]])),
        "floats": ([1.5, float("nan"), -0.0], np.array([1.5, np.nan, 0.0, 7.0], np.float32)),
    }
    values = {
        "strings": (["a", "b", "c"], STRING),
        "int64s": ([7, 8, 9], INT64),
        "floats": ([0.5, -1.0, float("inf")], FLOAT),
    }
    for key, (key_list, data) in keys.items():
        for value, (value_list, kind) in values.items():
            same = key == value
            for version in [4] if same else [2, 4]:
                yield f"op_label_{version}_{key}_{value}", partial(
                    case,
                    "LabelEncoder",
                    data,
                    [kind],
                    ml=version,
                    **{f"keys_{key}": key_list, f"values_{value}": value_list},
                )
    yield "op_label_defaults", partial(
        case,
        "LabelEncoder",
        city,
        [FLOAT],
        ml=2,
        keys_strings=["Rome"],
        values_floats=[1.0],
        default_float=-5.5,
    )
    for name, key_list, value_list, fallback, data, kind in [
        (
            "double_string",
            list_tensor([0.5, np.nan], np.float64),
            list_tensor(["half", "none"]),
            list_tensor(["else"]),
            np.array([0.5, np.nan, 2.0]),
            STRING,
        ),
        (
            "string_double",
            list_tensor(["half", "none"]),
            list_tensor([0.5, -1.0], np.float64),
            list_tensor([9.0], np.float64),
            words("none", "half", "x"),
            DOUBLE,
        ),
        (
            "string_int16",
            list_tensor(["half", "none"]),
            list_tensor([5, -1], np.int16),
            list_tensor([9], np.int16),
            words("none", "half", "x"),
            TensorProto.INT16,
        ),
        (
            "int64_float",
            list_tensor([4, 5], np.int64),
            list_tensor([0.25, -1.0], np.float32),
            None,
            np.array([5, 4, 3]),
            FLOAT,
        ),
        (
            "double_double",
            list_tensor([0.5, np.nan], np.float64),
            list_tensor([0.25, -1.0], np.float64),
            None,
            np.array([0.5, np.nan, 2.0]),
            DOUBLE,
        ),
    ]:
        yield f"op_label_tensor_{name}", partial(
            case,
            "LabelEncoder",
            data,
            [kind],
            ml=4,
            keys_tensor=key_list,
            values_tensor=value_list,
            default_tensor=fallback,
        )
    for name, labels in [
        ("strings", {"classlabels_strings": ["a", "b", "c"]}),
        ("integers", {"classlabels_int64s": [5, 0, -2]}),
    ]:
        yield f"op_zip_{name}", partial(zip_map, ROWS, labels)
    yield "op_zip_vector", partial(zip_map, ROWS[0], {"classlabels_int64s": [5, 0, -2]})
    for value, kind in [("float", FLOAT), ("int64", INT64), ("string", STRING), ("double", DOUBLE)]:
        sample = {"float": 1.5, "int64": 3, "string": "z", "double": 2.5}[value]
        yield f"op_dict_string_{value}", partial(
            of_map,
            "DictVectorizer",
            {"b": sample, "x": sample},
            (STRING, kind),
            kind,
            string_vocabulary=["a", "b"],
        )
        if value != "int64":
            yield f"op_dict_int64_{value}", partial(
                of_map,
                "DictVectorizer",
                {2: sample, 7: sample},
                (INT64, kind),
                kind,
                int64_vocabulary=[7, 1],
            )
    for target, kind in [("FLOAT", FLOAT), ("INT64", INT64), ("STRING", STRING)]:
        for value, sample in [("float", [1.5, -0.1]), ("string", ["2", "30"])]:
            for form in ["DENSE", "SPARSE"]:
                yield f"op_castmap_{value}_{target.lower()}_{form.lower()}", partial(
                    of_map,
                    "CastMap",
                    dict(zip([3, 1], sample)),
                    (INT64, FLOAT if value == "float" else STRING),
                    kind,
                    cast_to=f"TO_{target}",
                    map_form=form,
                    max_map=5,
                )


def zip_map(data, labels):
    node = helper.make_node("ZipMap", ["x0"], ["y0"], domain="ai.onnx.ml", **labels)
    key = STRING if "classlabels_strings" in labels else INT64
    value = helper.make_tensor_type_proto(FLOAT, [])
    sequence = helper.make_sequence_type_proto(helper.make_map_type_proto(key, value))
    dims = [None, *data.shape[1:]] if data.ndim > 1 else list(data.shape)
    graph = helper.make_graph(
        [node],
        "zip",
        [helper.make_tensor_value_info("x0", FLOAT, dims)],
        [helper.make_value_info("y0", sequence)],
    )
    sets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=sets, ir_version=8), {"x0": data}


def of_map(operator, data, kinds, result, **attributes):
    node = helper.make_node(operator, ["X"], ["y0"], domain="ai.onnx.ml", **attributes)
    key, value = kinds
    kind = helper.make_map_type_proto(key, helper.make_tensor_type_proto(value, []))
    graph = helper.make_graph(
        [node],
        operator,
        [helper.make_value_info("X", kind)],
        [helper.make_tensor_value_info("y0", result, None)],
    )
    sets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=sets, ir_version=8), {"X": data}


def linear():
    for transform in TRANSFORMS:
        low = transform.lower()
        probable = np.clip(np.abs(ROWS) * 0.2, 0.01, 0.9)
        data = probable if transform == "PROBIT" else ROWS
        weights = [0.3, 0.2, 0.1] if transform == "PROBIT" else [1.0, -2.0, 0.5]
        common = {"post_transform": transform, "classlabels_ints": [3, 9]}
        # With PROBIT, ONNX Runtime leaves the second of two scores uninitialized.
        if transform != "PROBIT":
            yield f"op_linear_one_{low}", partial(
                case,
                "LinearClassifier",
                data,
                [INT64, FLOAT],
                coefficients=weights,
                intercepts=[0.1],
                **common,
            )
        yield f"op_linear_two_{low}", partial(
            case,
            "LinearClassifier",
            data,
            [INT64, FLOAT],
            coefficients=weights + weights[::-1],
            intercepts=[0.1, 0.2],
            **common,
        )
        yield f"op_linear_three_{low}", partial(
            case,
            "LinearClassifier",
            data,
            [STRING, FLOAT],
            coefficients=weights * 2 + weights[::-1],
            intercepts=[0.1, 0.2, 0.0],
            classlabels_strings=["a", "b", "c"],
            post_transform=transform,
        )
        for targets in [1, 2]:
            yield f"op_regressor_{targets}_{low}", partial(
                case,
                "LinearRegressor",
                data,
                [FLOAT],
                coefficients=weights * targets,
                intercepts=[0.1, 0.05][:targets],
                targets=targets,
                post_transform=transform,
            )
    yield "op_linear_single_label", partial(
        case,
        "LinearClassifier",
        ROWS,
        [INT64, FLOAT],
        coefficients=[1.0, -2.0, 0.5],
        intercepts=[0.1],
        classlabels_ints=[7],
    )
    yield "op_regressor_no_intercept", partial(
        case, "LinearRegressor", ROWS, [FLOAT], coefficients=[1.0, -2.0, 0.5]
    )
    for kind in [np.int64, np.int32, np.float64]:
        yield f"op_linear_{np.dtype(kind).name}", partial(
            case,
            "LinearClassifier",
            (ROWS * 3).astype(kind),
            [INT64, FLOAT],
            coefficients=[1.0, -2.0, 0.5],
            intercepts=[0.1],
            classlabels_ints=[0, 1],
            post_transform="LOGISTIC",
        )


def machines():
    vectors = np.random.default_rng(5).normal(size=(7, 3)).round(3).ravel().tolist()
    weights = np.random.default_rng(6).normal(size=14).round(3)
    for kernel in ["LINEAR", "POLY", "RBF", "SIGMOID"]:
        for degree in [2.0, 3.0, 4.0] if kernel == "POLY" else [3.0]:
            common = {"kernel_type": kernel, "kernel_params": [0.5, 0.1, degree]}
            yield f"op_svr_{kernel.lower()}_{degree:.0f}", partial(
                case,
                "SVMRegressor",
                ROWS,
                [FLOAT],
                support_vectors=vectors,
                coefficients=weights[:7].tolist(),
                rho=[0.2],
                n_supports=7,
                **common,
            )
            yield f"op_svc_{kernel.lower()}_{degree:.0f}", partial(
                case,
                "SVMClassifier",
                ROWS,
                [INT64, FLOAT],
                support_vectors=vectors,
                coefficients=weights.tolist(),
                rho=[0.2, -0.1, 0.3],
                vectors_per_class=[2, 3, 2],
                classlabels_ints=[3, 1, 2],
                **common,
            )
    for transform in TRANSFORMS:
        for positive in [False, True]:
            some = np.abs(weights) if positive else weights
            name = f"{transform.lower()}{'_positive' if positive else ''}"
            if transform != "PROBIT":
                yield f"op_svc_two_{name}", partial(
                    case,
                    "SVMClassifier",
                    ROWS,
                    [STRING, FLOAT],
                    support_vectors=vectors,
                    coefficients=(some[:7] * 0.1 + (0.05 if positive else 0)).tolist(),
                    rho=[0.2],
                    vectors_per_class=[4, 3],
                    classlabels_strings=["b", "a"],
                    kernel_type="RBF",
                    kernel_params=[0.5, 0.1, 3.0],
                    post_transform=transform,
                )
            for classes in [1, 2, 3]:
                yield f"op_svc_linear_{classes}_{name}", partial(
                    case,
                    "SVMClassifier",
                    np.abs(ROWS) * 0.1 if transform == "PROBIT" else ROWS,
                    [INT64, FLOAT],
                    coefficients=some[: 3 * classes].tolist(),
                    rho=[0.1],
                    classlabels_ints=[4, 6, 8][:classes],
                    kernel_params=[0.5, 0.1, 3.0],
                    post_transform=transform,
                )
        yield f"op_svc_proba_{transform.lower()}", partial(
            case,
            "SVMClassifier",
            ROWS,
            [INT64, FLOAT],
            support_vectors=vectors,
            coefficients=weights.tolist(),
            rho=[0.2, -0.1, 0.3],
            prob_a=[-1.0, -2.0, -0.5],
            prob_b=[0.1, 0.0, -0.1],
            vectors_per_class=[2, 3, 2],
            classlabels_ints=[3, 1, 2],
            kernel_type="RBF",
            kernel_params=[0.5, 0.1, 3.0],
            post_transform=transform,
        )
    yield "op_svr_linear_mode", partial(
        case,
        "SVMRegressor",
        ROWS,
        [FLOAT],
        coefficients=[1.0, 2.0, -0.5],
        rho=[0.2],
        kernel_params=[0.5, 0.1, 3.0],
    )
    yield "op_svr_one_class", partial(
        case,
        "SVMRegressor",
        ROWS,
        [FLOAT],
        support_vectors=vectors,
        coefficients=weights[:7].tolist(),
        rho=[0.2],
        n_supports=7,
        one_class=1,
        kernel_type="RBF",
        kernel_params=[0.5, 0.1, 3.0],
    )


def trees():
    shape = {
        "nodes_treeids": [0, 0, 0, 1, 1, 1],
        "nodes_nodeids": [0, 1, 2, 0, 1, 2],
        "nodes_featureids": [0, 0, 0, 1, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LT", "LEAF", "LEAF"],
        "nodes_values": [0.1, 0.0, 0.0, -0.2, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0, 1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0, 2, 0, 0],
    }
    leaves = ([0, 0, 1, 1], [1, 2, 1, 2])
    for aggregate in ["SUM", "AVERAGE", "MIN", "MAX"]:
        for targets, base in [(1, None), (1, [0.5]), (2, [0.5, -1.0]), (2, [0.5])]:
            yield f"op_tree_{aggregate.lower()}_{targets}_{len(base or [])}", partial(
                case,
                "TreeEnsembleRegressor",
                ROWS,
                [FLOAT],
                n_targets=targets,
                aggregate_function=aggregate,
                base_values=base,
                target_treeids=leaves[0],
                target_nodeids=leaves[1],
                target_ids=[0, targets - 1, 0, targets - 1],
                target_weights=[1.0, -2.0, 0.25, 4.0],
                **shape,
            )


def texts():
    std = partial(case, domain="", opset=20)
    short = words("Hello", "World", "ÄPFEL", "the", "The")
    for action in ["NONE", "LOWER", "UPPER"]:
        for sensitive in [0, 1]:
            for stop in [None, ["the", "World"], list(short)]:
                name = f"op_normalize_{action.lower()}_{sensitive}_{len(stop or [])}"
                yield name, partial(
                    std,
                    "StringNormalizer",
                    short,
                    [STRING],
                    case_change_action=action,
                    is_case_sensitive=sensitive,
                    stopwords=stop,
                )
    yield "op_normalize_row", partial(
        std,
        "StringNormalizer",
        short.reshape(1, -1),
        [STRING],
        case_change_action="LOWER",
        is_case_sensitive=0,
        stopwords=["the"],
    )
    lines = words("a b  c", " x,y ,z", "", "one", "a,,b", shape=(5,))
    for name, delimiter in [("none", None), ("empty", ""), ("comma", ","), ("long", ",,")]:
        for most in [None, 0, 1, 2]:
            yield f"op_split_{name}_{most}", partial(
                std, "StringSplit", lines, [STRING, INT64], delimiter=delimiter, maxsplit=most
            )
    yield "op_concat", partial(
        std, "StringConcat", [words("a", "b", shape=(2, 1)), words("x", "", "é")], [STRING]
    )
    for index, pattern in enumerate([r"\w+@\w+\.com", r"[a-z]*", r"\d{2,}", r"(a|b)+c?", r".", r"^a$"]):
        yield f"op_match_{index}", partial(
            std,
            "RegexFullMatch",
            words("me@x.com", "abc", "", "12", "é", "ü@x.com", "a", "a\n"),
            [TensorProto.BOOL],
            pattern=pattern,
        )
    rows = words("a", "b", "a", "c", "b", "b", "a", "d", shape=(2, 4))
    for mode in ["TF", "IDF", "TFIDF"]:
        for first, last in [(1, 1), (1, 2), (2, 2)]:
            for skip in [0, 1, 2]:
                yield f"op_tfidf_{mode.lower()}_{first}{last}_{skip}", partial(
                    std,
                    "TfIdfVectorizer",
                    rows,
                    [FLOAT],
                    mode=mode,
                    min_gram_length=first,
                    max_gram_length=last,
                    max_skip_count=skip,
                    ngram_counts=[0, 3],
                    ngram_indexes=[0, 2, 1, 3, 4],
                    pool_strings=["a", "b", "z", "a", "b", "b", "a"],
                    weights=[0.5, 2.0, 3.0, 1.5, 0.25],
                )
    yield "op_tfidf_integers", partial(
        std,
        "TfIdfVectorizer",
        np.array([1, 2, 1, 3], np.int32),
        [FLOAT],
        mode="TF",
        min_gram_length=1,
        max_gram_length=2,
        max_skip_count=0,
        ngram_counts=[0, 2],
        ngram_indexes=[0, 1, 2],
        pool_int64s=[1, 3, 2, 1],
    )
    numbers = [0.1, -2.5, 1e10, 123456789.0, 1e-7, np.nan, np.inf, -np.inf, 0.0, 100.0, 1 / 3]
    for kind in [np.float32, np.float64]:
        yield f"op_cast_from_{np.dtype(kind).name}", partial(
            std, "Cast", np.array(numbers, kind), [STRING], to=STRING
        )
    for kind in [np.int64, np.int32, np.bool_]:
        yield f"op_cast_from_{np.dtype(kind).name}", partial(
            std, "Cast", np.array([0, 1, 1], kind), [STRING], to=STRING
        )
    for kind in [FLOAT, DOUBLE]:
        yield f"op_cast_to_{kind}", partial(
            std, "Cast", words("1.5", "-2e3", "INF", "-INF", "NaN", "7", "inf"), [kind], to=kind
        )
    yield "op_cast_to_integers", partial(std, "Cast", words("1", "-20"), [INT64], to=INT64)
    ms = partial(case, domain="com.microsoft")
    for index, attributes in enumerate(
        [
            {"tokenexp": "[a-z]+"},
            {"tokenexp": r"\w\w+", "mincharnum": 3},
            {"tokenexp": r"\b\w+\b", "mark": 1},
            {"separators": [" "]},
            {"separators": [",", r"\s+"], "mincharnum": 2},
            {"separators": [""]},
            {"separators": [""], "mark": 1},
        ]
    ):
        attributes = {"mark": 0, "mincharnum": 1, "pad_value": "#", **attributes}
        yield f"op_tokenizer_{index}", partial(
            ms,
            "Tokenizer",
            words("a b,cd  efg", "Zürich is big", "x", "", shape=(2, 2)),
            [STRING],
            **attributes,
        )
    for positive in [0, 1]:
        kind = TensorProto.UINT32 if positive else TensorProto.INT32
        yield f"op_murmur_{positive}", partial(
            ms, "MurmurHash3", words("", "a", "abcd", "hello"), [kind], positive=positive, seed=3
        )
        yield f"op_murmur_{positive}_integers", partial(
            ms, "MurmurHash3", np.array([3, 4, -1]), [kind], positive=positive
        )
    for metric in ["euclidean", "sqeuclidean"]:
        yield f"op_cdist_{metric}", partial(
            ms, "CDist", [ROWS, ROWS[:2] + 0.5], [FLOAT], metric=metric
        )
