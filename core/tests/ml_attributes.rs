//! Attributes of the operators of `ai.onnx.ml` and of texts that must be refused, one malformation a
//! row, and what is said about them.

use inference_core::ErrorKind::UnsupportedModel;
use inference_core::graph::Graph;
use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{
    encode, float_list, input, int, ints, model, node, string, strings, with,
};

/// A graph of one operator on `[N, 2]` is refused with this message.
fn check(
    operator: &str,
    data: DataType,
    attributes: impl IntoIterator<Item = AttributeProto>,
    message: &str,
) {
    let outputs: &[&str] = match operator {
        "ai.onnx.ml.LinearClassifier" | "ai.onnx.ml.SVMClassifier" | "StringSplit" => &["y", "z"],
        _ => &["y"],
    };
    let node = with(node(operator, &["x"], outputs), attributes);
    let model = model(vec![node], vec![input("x", data, &["N", "2"])], outputs, vec![]);
    let error = Graph::load(encode(&model)).expect_err(message);
    assert!(error.message.contains(message), "{message:?} is not in: {}", error.message);
    assert_eq!((error.kind, error.code), (UnsupportedModel, "graph-rejected"), "{error}");
}

const FLOAT: DataType = DataType::Float;
const TEXT: DataType = DataType::String;

#[test]
fn numbers() {
    let scaler =
        |offset: &[f32], scale: &[f32]| [float_list("offset", offset), float_list("scale", scale)];
    let operator = "ai.onnx.ml.Scaler";
    check(operator, FLOAT, scaler(&[1.0], &[1.0, 2.0]), "offset and scale have 1 and 2 elements");
    check(operator, FLOAT, scaler(&[1.0; 3], &[1.0; 3]), "3 offsets for rows of 2 features");
    check(operator, TEXT, scaler(&[1.0], &[1.0]), "has an input of type String; accepted are F32");
    let operator = "ai.onnx.ml.Normalizer";
    check(operator, FLOAT, [string("norm", "L3")], "attribute norm is \"L3\"; accepted are MAX");
    let operator = "ai.onnx.ml.Imputer";
    check(operator, FLOAT, [], "imputed_value_floats or imputed_value_int64s is required");
    let integers = [ints("imputed_value_int64s", &[1])];
    check(operator, FLOAT, integers, "an input of type F32, but no imputed_value_floats");
    let operator = "ai.onnx.ml.FeatureVectorizer";
    check(operator, FLOAT, [ints("inputdimensions", &[1, 2])], "1 inputs, but 2 inputdimensions");
    check(operator, FLOAT, [ints("inputdimensions", &[-1])], "has -1; accepted are 0 to");
}

#[test]
fn categories() {
    let operator = "ai.onnx.ml.OneHotEncoder";
    check(operator, FLOAT, [], "cats_int64s and cats_strings is required, and only one");
    let words = || strings("cats_strings", &["a"]);
    check(operator, TEXT, [words(), ints("cats_int64s", &[1])], "is required, and only one");
    check(operator, FLOAT, [words()], "has an input of type F32; accepted are String");
    let operator = "ai.onnx.ml.CategoryMapper";
    let uneven = [words(), ints("cats_int64s", &[1, 2])];
    check(operator, TEXT, uneven, "cats_int64s has 2 elements; accepted are 1");
    let operator = "ai.onnx.ml.LabelEncoder";
    check(operator, TEXT, [], "keys_strings, keys_int64s, keys_floats and keys_tensor is required");
    let keys = || strings("keys_strings", &["a", "b"]);
    check(operator, TEXT, [keys()], "values_strings, values_int64s, values_floats");
    let uneven = [keys(), ints("values_int64s", &[1])];
    check(operator, TEXT, uneven, "keys_* has 2 elements; accepted are 1");
    let even = [keys(), ints("values_int64s", &[1, 2])];
    check(operator, FLOAT, even, "has an input of type F32; accepted are String");
    let operator = "ai.onnx.ml.ZipMap";
    check(operator, FLOAT, [], "classlabels_int64s or classlabels_strings is required");
    let three = [ints("classlabels_int64s", &[1, 2, 3])];
    check(operator, FLOAT, three, "was made for rows of 3 features, found 2");
}

#[test]
fn linear_models() {
    let linear = |weights: &[f32], intercepts: &[f32], labels: &[i64]| {
        [
            float_list("coefficients", weights),
            float_list("intercepts", intercepts),
            ints("classlabels_ints", labels),
        ]
    };
    let operator = "ai.onnx.ml.LinearClassifier";
    let none = linear(&[], &[], &[0, 1]);
    check(operator, FLOAT, none, "coefficients has 0 elements, which are no rows for 0 outputs");
    let uneven = linear(&[1.0; 3], &[1.0; 2], &[0, 1]);
    check(operator, FLOAT, uneven, "coefficients has 3 elements, which are no rows for 2 outputs");
    let wide = linear(&[1.0; 3], &[1.0], &[0, 1]);
    check(operator, FLOAT, wide, "was made for rows of 3 features, found 2");
    let few = linear(&[1.0; 6], &[1.0; 3], &[0, 1]);
    check(operator, FLOAT, few, "there are 3 classes, but 2 labels");
    let operator = "ai.onnx.ml.LinearRegressor";
    let regressor = |targets, intercepts: &[f32]| {
        [
            float_list("coefficients", &[1.0; 4]),
            float_list("intercepts", intercepts),
            int("targets", targets),
        ]
    };
    check(operator, FLOAT, regressor(0, &[]), "targets is 0; it must lie in 1..=");
    check(operator, FLOAT, regressor(5, &[]), "there are 5 targets, but 4 coefficients");
    check(operator, FLOAT, regressor(2, &[1.0]), "intercepts has 1 elements; accepted are 0 or 2");
    let unknown = [float_list("coefficients", &[1.0; 2]), string("post_transform", "TANH")];
    check(operator, FLOAT, unknown, "post_transform[0] is \"TANH\"");
}

#[test]
fn support_vector_machines() {
    let regressor = |name: &str, value| {
        let base = [
            float_list("support_vectors", &[1.0; 4]),
            float_list("coefficients", &[1.0; 2]),
            float_list("rho", &[0.0]),
            float_list("kernel_params", &[1.0, 0.0, 3.0]),
            int("n_supports", 2),
            string("kernel_type", "RBF"),
        ];
        let others = base.into_iter().filter(|attribute| attribute.name != name);
        others.chain([value]).collect::<Vec<_>>()
    };
    let check_regressor = |value: AttributeProto, message| {
        let name = value.name.clone();
        check("ai.onnx.ml.SVMRegressor", FLOAT, regressor(&name, value), message);
    };
    check_regressor(float_list("rho", &[]), "rho must not be empty");
    check_regressor(
        float_list("coefficients", &[1.0]),
        "coefficients has 1 elements; accepted are 2",
    );
    check_regressor(
        float_list("support_vectors", &[1.0; 3]),
        "has 3 elements, which are no 2 vectors",
    );
    check_regressor(float_list("kernel_params", &[1.0]), "kernel_params has 1 elements; accepted");
    check_regressor(
        string("kernel_type", "COSINE"),
        "kernel_type is \"COSINE\"; accepted are LINEAR",
    );
    check_regressor(float_list("support_vectors", &[1.0; 6]), "rows of 3 features, found 2");

    let classifier = |value: AttributeProto, message| {
        let base = [
            float_list("support_vectors", &[1.0; 4]),
            float_list("coefficients", &[1.0; 2]),
            float_list("rho", &[0.0]),
            ints("vectors_per_class", &[1, 1]),
            ints("classlabels_ints", &[0, 1]),
        ];
        let others = base.into_iter().filter(|attribute| attribute.name != value.name);
        let attributes: Vec<_> = others.chain([value.clone()]).collect();
        check("ai.onnx.ml.SVMClassifier", FLOAT, attributes, message);
    };
    classifier(
        ints("classlabels_ints", &[]),
        "classlabels_ints or classlabels_strings is required",
    );
    classifier(ints("classlabels_ints", &[1]), "vectors_per_class has 2 elements; accepted are 1");
    classifier(ints("vectors_per_class", &[-1, 3]), "vectors_per_class has -1; there are 2");
    classifier(ints("vectors_per_class", &[1 << 40, 1]), "has 1099511627776; there are 2");
    classifier(
        float_list("coefficients", &[1.0; 3]),
        "coefficients has 3 elements; accepted are 2",
    );
    classifier(float_list("rho", &[]), "rho has 0 elements; accepted are 1");
    classifier(float_list("prob_a", &[1.0; 2]), "prob_a has 2 elements; accepted are 0 or 1");
    classifier(float_list("prob_a", &[1.0]), "prob_b has 0 elements; accepted are 1");
}

#[test]
fn texts() {
    let operator = "StringNormalizer";
    let other = [string("case_change_action", "TITLE")];
    check(operator, TEXT, other, "case_change_action is \"TITLE\"; accepted are NONE");
    let operator = "RegexFullMatch";
    check(operator, TEXT, [string("pattern", "(")], "is \"\\\\A(?:()\\\\z\", which is no pattern");
    check(operator, TEXT, [string("pattern", "(a{1000}){1000}")], "which is no pattern");
    check("StringSplit", TEXT, [int("maxsplit", -1)], "maxsplit is -1; it must not be negative");
    let operator = "com.microsoft.Tokenizer";
    check(operator, TEXT, [], "separators and tokenexp is required");
    let both = [string("tokenexp", "a"), strings("separators", &["b"])];
    check(operator, TEXT, both, "exclude each other");
    check(operator, TEXT, [strings("separators", &["", "a"])], "an empty one beside others");
    let tfidf = |value: AttributeProto, message| {
        let base = [
            string("mode", "TF"),
            ints("ngram_counts", &[0]),
            ints("ngram_indexes", &[0, 1]),
            strings("pool_strings", &["a", "b"]),
        ];
        let others = base.into_iter().filter(|attribute| attribute.name != value.name);
        let attributes: Vec<_> = others.chain([value.clone()]).collect();
        check("TfIdfVectorizer", TEXT, attributes, message);
    };
    tfidf(string("mode", "BM25"), "mode is \"BM25\"; accepted are TF, IDF and TFIDF");
    tfidf(int("max_gram_length", 2), "n-grams of 1 to 2 words do not fit 1 elements");
    tfidf(int("min_gram_length", 0), "min_gram_length is 0; it must not be less than 1");
    tfidf(ints("ngram_indexes", &[0, 1 << 30]), "ngram_indexes has 1073741824; it must lie in");
    tfidf(ints("ngram_indexes", &[0]), "ngram_indexes has 1 elements, fewer than n-grams");
    tfidf(ints("ngram_counts", &[7]), "ngram_counts[0] is 7, which is no place in the pool");
    tfidf(strings("pool_strings", &[]), "pool_strings and pool_int64s is required");
    tfidf(float_list("weights", &[1.0]), "weights has 1 elements; accepted are 0 or 2");
}
