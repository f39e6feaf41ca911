//! Attributes and inputs of tree ensembles: those that must be refused, one malformation a row, and
//! those that ONNX Runtime has no answer for.

use inference_core::{ElementType, ErrorKind, Tensor};
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{float_list, floats, int, integers, ints, string, strings, tensor};
use crate::support::tree::{Ensemble, bytes, classifier, doubles, indexed, reals, regressor};

/// Runs one row and gives the last output's values.
fn run(ensemble: Ensemble, row: &[f32; 4]) -> Vec<f32> {
    let data = row.iter().flat_map(|x| x.to_le_bytes()).collect();
    run_as(ensemble, DataType::Float, ElementType::Float32, &[1, 4], data)
}

fn run_as(
    ensemble: Ensemble,
    data_type: DataType,
    element_type: ElementType,
    shape: &[usize],
    data: Vec<u8>,
) -> Vec<f32> {
    let open: &[&str] = if shape.len() == 2 { &["N", "4"] } else { &["4"] };
    let graph = ensemble.load(data_type, open).unwrap();
    let input = Tensor { name: "x".into(), element_type, shape: shape.to_vec(), data };
    let outputs = graph.run(vec![input]).unwrap();
    let values = outputs.last().unwrap().data.as_chunks().0.iter();
    values.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[test]
fn the_ensembles_to_break_are_sound() {
    assert_eq!(run(regressor(), &[0.0, 2.0, 0.0, 0.0]), [12.0]);
    assert_eq!(run(classifier(), &[1.0, 2.0, 0.0, 0.0]), [10.0, 0.0, 3.0]);
    assert_eq!(run(indexed(), &[0.0, 2.0, 0.0, 0.0]), [1.0]);
}

#[test]
fn integers_are_compared_as_floats() {
    let row = |values: [i64; 4]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
    let run = |data| run_as(regressor(), DataType::Int64, ElementType::Int64, &[1, 4], data);
    assert_eq!(run(row([0, 1, 0, 0])), [11.0]);
    assert_eq!(run(row([0, 2, 0, 0])), [12.0]);
    // As a float it is 2^24.
    let values = [16_777_216.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let large = regressor().set(float_list("nodes_values", &values));
    let data = row([16_777_217, 0, 0, 0]);
    assert_eq!(run_as(large, DataType::Int64, ElementType::Int64, &[1, 4], data), [11.0]);
    let narrow = [1_i32, 0, 0, 0].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(run_as(regressor(), DataType::Int32, ElementType::Int32, &[1, 4], narrow), [13.0]);
}

#[test]
fn a_vector_is_one_row() {
    let data: Vec<u8> = [0.0_f32, 2.0, 0.0, 0.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let run =
        |ensemble| run_as(ensemble, DataType::Float, ElementType::Float32, &[4], data.clone());
    assert_eq!(run(regressor()), [12.0]);
    assert_eq!(run(classifier()), [10.0, 2.0, 0.0]);
}

#[test]
fn a_single_label_that_is_a_string_is_the_label_of_both_signs() {
    let ensemble = classifier()
        .without("classlabels_int64s")
        .set(strings("classlabels_strings", &["only"]))
        .set(ints("class_ids", &[0; 4]))
        .set(float_list("class_weights", &[-30.0, 2.0, 3.0, 10.0]));
    let graph = ensemble.load(DataType::Float, &["N", "4"]).unwrap();
    let row = |x: f32| [0.0, x, 0.0, 0.0].iter().flat_map(|x: &f32| x.to_le_bytes()).collect();
    for (x, score) in [(1.0, -20.0_f32), (2.0, 12.0)] {
        let shape = vec![1, 4];
        let input =
            Tensor { name: "x".into(), element_type: ElementType::Float32, shape, data: row(x) };
        let outputs = graph.run(vec![input]).unwrap();
        assert_eq!(outputs[0].data, b"\x04\0\0\0only");
        assert_eq!(outputs[1].data, score.to_le_bytes());
    }
}

#[test]
fn classic_lengths() {
    let missing = "attribute nodes_nodeids is required and must not be empty";
    regressor().without("nodes_nodeids").refused(missing);
    regressor().set(ints("nodes_nodeids", &[])).refused(missing);
    for name in ["nodes_treeids", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids"] {
        let differs = format!("attribute {name} has 5 elements, but nodes_nodeids has 6");
        regressor().set(ints(name, &[0; 5])).refused(&differs);
        let absent = format!("attribute {name} has 0 elements, but nodes_nodeids has 6");
        regressor().without(name).refused(&absent);
    }
    regressor()
        .set(float_list("nodes_values", &[0.5; 7]))
        .refused("attribute nodes_values has 7 elements, but nodes_nodeids has 6");
    regressor()
        .set(strings("nodes_modes", &["LEAF"]))
        .refused("attribute nodes_modes has 1 elements, but nodes_nodeids has 6");
    regressor()
        .set(ints("nodes_missing_value_tracks_true", &[1]))
        .refused("attribute nodes_missing_value_tracks_true has 1 elements, but nodes_nodeids");
    for name in ["target_treeids", "target_nodeids"] {
        let differs = format!("attribute {name} has 1 elements, but target_ids has 4");
        regressor().set(ints(name, &[0])).refused(&differs);
    }
    regressor()
        .set(float_list("target_weights", &[]))
        .refused("attribute target_weights has 0 elements, but target_ids has 4");
}

#[test]
fn classic_values() {
    regressor()
        .set(strings("nodes_modes", &["BRANCH_LEQ", "branch", "LEAF", "LEAF", "LEAF", "LEAF"]))
        .refused("attribute nodes_modes[1] is \"branch\"; accepted are BRANCH_LEQ, BRANCH_LT");
    regressor()
        .set(ints("nodes_missing_value_tracks_true", &[0, 1, 2, 0, 0, 0]))
        .refused("attribute nodes_missing_value_tracks_true[2] is 2; it must lie in 0..=1");
    regressor()
        .set(ints("nodes_featureids", &[0, -1, 0, 0, 0, 0]))
        .refused("attribute nodes_featureids[1] is -1; it must lie in 0..=268435455");
    regressor()
        .set(ints("nodes_featureids", &[i64::MAX, 0, 0, 0, 0, 0]))
        .refused("attribute nodes_featureids[0] is 9223372036854775807; it must lie in");
    regressor()
        .set(ints("nodes_treeids", &[0, 0, 0, 0, 0, -1]))
        .refused("attribute nodes_treeids[5] is -1");
    regressor()
        .set(ints("nodes_nodeids", &[0, 1, 2, 3, i64::MIN, 0]))
        .refused("attribute nodes_nodeids[4] is -9223372036854775808");
    regressor()
        .set(string("aggregate_function", "MEDIAN"))
        .refused("attribute aggregate_function[0] is \"MEDIAN\"; accepted are AVERAGE, SUM");
    regressor()
        .set(string("post_transform", "TANH"))
        .refused("attribute post_transform[0] is \"TANH\"; accepted are NONE, SOFTMAX");
    for (count, found) in [(0, "0"), (-1, "-1"), (65_537, "65537")] {
        let message = format!("n_targets is {found}; it must lie in 1..=65536");
        regressor().set(int("n_targets", count)).refused(&message);
        indexed().set(int("n_targets", count)).refused(&message);
    }
    regressor().without("n_targets").refused("n_targets is 0; it must lie in 1..=65536");
    regressor()
        .set(ints("target_ids", &[0, 0, 1, 0]))
        .refused("attribute target_ids[2] is 1; it must lie in 0..=0");
    classifier()
        .set(ints("class_ids", &[0, 3, 1, 0]))
        .refused("attribute class_ids[1] is 3; it must lie in 0..=2");
    // An attribute of another type than the operator's.
    regressor().set(int("nodes_nodeids", 3)).refused("nodes_nodeids");
    regressor().set(ints("nodes_values", &[0; 6])).refused("nodes_values");
    regressor().set(ints("n_targets", &[1])).refused("n_targets");
}

#[test]
fn classic_structure() {
    regressor()
        .set(ints("nodes_truenodeids", &[1, 9, 0, 0, 0, 0]))
        .refused("nodes_truenodeids[1] leads to node 9, which tree 0 does not have");
    regressor()
        .set(ints("nodes_falsenodeids", &[-4, 3, 0, 0, 0, 0]))
        .refused("nodes_falsenodeids[0] leads to node -4, which tree 0 does not have");
    let cycle = "node at position 0 of the nodes_* attributes is part of a cycle";
    regressor().set(ints("nodes_truenodeids", &[0, 2, 0, 0, 0, 0])).refused(cycle);
    regressor().set(ints("nodes_falsenodeids", &[4, 0, 0, 0, 0, 0])).refused(cycle);
    regressor()
        .set(ints("nodes_nodeids", &[0, 1, 2, 3, 3, 0]))
        .refused("nodes_nodeids[4] repeats node 3 of tree 0");
    regressor()
        .set(ints("nodes_treeids", &[0, 0, 0, 1, 0, 1]))
        .set(ints("nodes_nodeids", &[0, 1, 2, 0, 4, 1]))
        .set(ints("nodes_falsenodeids", &[4, 4, 0, 0, 0, 0]))
        .set(ints("target_nodeids", &[2, 4, 4, 0]))
        .refused("nodes_treeids[4] returns to tree 0, whose nodes must be contiguous");
    regressor()
        .set(ints("nodes_truenodeids", &[4, 2, 0, 0, 0, 0]))
        .refused("node at position 1 of the nodes_* attributes cannot be reached from a root");
    regressor()
        .set(ints("target_nodeids", &[2, 3, 7, 0]))
        .refused("target_nodeids[2] gives a weight to node 7 of tree 0, which does not exist");
    regressor()
        .set(ints("target_treeids", &[0, 0, 0, 2]))
        .refused("target_nodeids[3] gives a weight to node 0 of tree 2, which does not exist");
}

#[test]
fn labels_and_base_values() {
    classifier()
        .without("classlabels_int64s")
        .refused("attribute classlabels_int64s or classlabels_strings is required");
    classifier()
        .set(strings("classlabels_strings", &["a", "b", "c"]))
        .refused("attributes classlabels_int64s and classlabels_strings exclude each other");
    classifier()
        .set(float_list("base_values", &[1.0, 2.0]))
        .refused("attribute base_values has 2 elements; accepted are 0 and 3");
    classifier()
        .set(ints("classlabels_int64s", &[0, 1]))
        .set(ints("class_ids", &[0, 1, 1, 0]))
        .set(float_list("base_values", &[1.0; 3]))
        .refused("attribute base_values has 3 elements; accepted are 0, 1 and 2");
    regressor()
        .set(float_list("base_values", &[1.0, 2.0]))
        .refused("attribute base_values has 2 elements; accepted are 0 and 1");
}

#[test]
fn precision() {
    let message = "attribute nodes_values_as_tensor holds doubles, but the input is F32";
    let values = [0.5, 1.5, 0.0, 0.0, 0.0, 0.0];
    let double =
        regressor().without("nodes_values").set(doubles("nodes_values_as_tensor", &values));
    double.clone().refused(message);
    assert!(double.load(DataType::Double, &["N", "4"]).is_ok());
    indexed()
        .set(doubles("leaf_weights", &[1.0, 2.0, 3.0]))
        .refused("attribute leaf_weights holds doubles, but the input is F32");
    regressor()
        .set(doubles("nodes_values_as_tensor", &values))
        .refused("attributes nodes_values and nodes_values_as_tensor exclude each other");
    let ragged = TensorProto {
        data_type: DataType::Double as i32,
        dims: vec![1],
        raw_data: vec![0; 12],
        ..Default::default()
    };
    let ragged = regressor().without("nodes_values").set(tensor("nodes_values_as_tensor", ragged));
    let error = ragged.load(DataType::Double, &["N", "4"]).expect_err("12 bytes");
    assert_eq!(error.code, "invalid-graph", "{error}");
    let mut whole = doubles("nodes_values_as_tensor", &[]);
    whole.t = Some(integers("t", &[6], &[0; 6]));
    regressor()
        .without("nodes_values")
        .set(whole)
        .refused("attribute nodes_values_as_tensor has element type 7; accepted are FLOAT and");
}

#[test]
fn inputs() {
    regressor().refused_for(
        DataType::Float,
        &["N", "1"],
        "the ensemble reads feature 1, but the input has 1 features",
    );
    regressor().refused_for(DataType::Float, &["1"], "the ensemble reads feature 1");
    regressor().refused_for(DataType::Float, &["N", "4", "4"], "input of rank 3; accepted is 2");
    regressor().refused_for(DataType::Bool, &["N", "4"], "input of type Bool; accepted are F32");
    regressor().refused_for(DataType::String, &["N", "4"], "input of type String");
    // A width that the graph leaves open is checked when rows come.
    let graph = regressor().load(DataType::Float, &["N", "F"]).unwrap();
    let row = Tensor {
        name: "x".into(),
        element_type: ElementType::Float32,
        shape: vec![1, 1],
        data: vec![0; 4],
    };
    let error = graph.run(vec![row]).expect_err("one feature");
    assert_eq!((error.kind, error.code), (ErrorKind::InferenceFailed, "inference-failed"));
    assert!(error.message.contains("reads feature 1, but the input has 1"), "{error}");
}

#[test]
fn indexed_lengths() {
    for name in
        ["tree_roots", "nodes_featureids", "leaf_targetids", "nodes_trueleafs", "nodes_falseleafs"]
    {
        let message = format!("attribute {name} is required and must not be empty");
        indexed().without(name).refused(&message);
    }
    for (attribute, message) in [
        (bytes("nodes_modes", &[0]), "nodes_modes has 1 elements, but nodes_featureids has 2"),
        (reals("nodes_splits", &[0.5]), "nodes_splits has 1 elements, but nodes_featureids has 2"),
        (ints("nodes_truenodeids", &[1]), "nodes_truenodeids has 1 elements, but nodes_featureids"),
        (
            ints("nodes_falsenodeids", &[]),
            "nodes_falsenodeids has 0 elements, but nodes_featureids",
        ),
        (ints("nodes_trueleafs", &[0]), "nodes_trueleafs has 1 elements, but nodes_featureids"),
        (
            ints("nodes_falseleafs", &[0; 3]),
            "nodes_falseleafs has 3 elements, but nodes_featureids",
        ),
        (reals("leaf_weights", &[1.0]), "leaf_weights has 1 elements, but leaf_targetids has 3"),
        (
            ints("nodes_missing_value_tracks_true", &[1]),
            "nodes_missing_value_tracks_true has 1 elements, but nodes_featureids has 2",
        ),
    ] {
        indexed().set(attribute).refused(message);
    }
}

#[test]
fn indexed_values() {
    for (attribute, message) in [
        (bytes("nodes_modes", &[0, 7]), "nodes_modes[1] is 7; accepted are 0 (BRANCH_LEQ) to 6"),
        (int("aggregate_function", 4), "aggregate_function[0] is 4; it must lie in 0..=3"),
        (int("post_transform", -1), "post_transform[0] is -1; it must lie in 0..=4"),
        (ints("tree_roots", &[2]), "tree_roots[0] is 2; it must lie in 0..=1"),
        (ints("nodes_featureids", &[0, -3]), "nodes_featureids[1] is -3; it must lie in"),
        (ints("nodes_truenodeids", &[2, 0]), "nodes_truenodeids[0] is 2; it must lie in 0..=1"),
        (ints("nodes_truenodeids", &[1, 3]), "nodes_truenodeids[1] is 3; it must lie in 0..=2"),
        (ints("nodes_falsenodeids", &[-1, 1]), "nodes_falsenodeids[0] is -1; it must lie in 0..=2"),
        (ints("nodes_trueleafs", &[0, 2]), "nodes_trueleafs[1] is 2; it must lie in 0..=1"),
        (ints("leaf_targetids", &[0, 1, 0]), "leaf_targetids[1] is 1; it must lie in 0..=0"),
        (
            reals("membership_values", &[1.0, f32::NAN, 2.0]),
            "membership_values has 2 sets of values, but nodes_modes has 1 BRANCH_MEMBER nodes",
        ),
        (
            bytes("nodes_modes", &[0, 0]),
            "membership_values has 1 sets of values, but nodes_modes has 0",
        ),
        (
            bytes("nodes_modes", &[6, 6]),
            "membership_values has 1 sets of values, but nodes_modes has 2",
        ),
    ] {
        indexed().set(attribute).refused(message);
    }
    let modes = floats("nodes_modes", &[2], &[0.0, 6.0]);
    indexed()
        .set(tensor("nodes_modes", modes))
        .refused("attribute nodes_modes has element type 1; accepted is UINT8");
}

#[test]
fn indexed_structure() {
    let cycle = "is part of a cycle";
    indexed().set(ints("nodes_truenodeids", &[0, 0])).refused(cycle);
    indexed().set(ints("nodes_trueleafs", &[0, 0])).refused(cycle);
    let unreached = "node at position 1 of the nodes_* attributes cannot be reached from a root";
    indexed().set(ints("nodes_trueleafs", &[1, 1])).refused(unreached);
    // Two trees may share nodes.
    assert_eq!(run(indexed().set(ints("tree_roots", &[0, 1])), &[0.0, 3.0, 0.0, 0.0]), [4.0]);
}
