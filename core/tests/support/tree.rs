//! Nodes of tree ensembles, attribute by attribute.

use std::collections::BTreeMap;

use inference_core::graph::Graph;
use inference_core::{Error, ErrorKind};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, TensorProto};

use super::onnx::{
    encode, float_list, floats, input, int, ints, model, node, strings, tensor, with,
};

/// A node's attributes by name.
#[derive(Clone)]
pub struct Ensemble {
    operator: &'static str,
    attributes: BTreeMap<String, AttributeProto>,
}

impl Ensemble {
    pub fn new<const N: usize>(operator: &'static str, attributes: [AttributeProto; N]) -> Self {
        let named = attributes.into_iter().map(|attribute| (attribute.name.clone(), attribute));
        Self { operator, attributes: named.collect() }
    }

    /// Puts an attribute in the place of the one of its name.
    pub fn set(mut self, attribute: AttributeProto) -> Self {
        self.attributes.insert(attribute.name.clone(), attribute);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.attributes.remove(name).expect(name);
        self
    }

    pub fn load(self, data: DataType, shape: &[&str]) -> Result<Graph, Error> {
        let outputs: &[&str] =
            if self.operator.ends_with("Classifier") { &["y", "z"] } else { &["y"] };
        let operator = node(&format!("ai.onnx.ml.{}", self.operator), &["x"], outputs);
        let nodes = vec![with(operator, self.attributes.into_values())];
        Graph::load(encode(&model(nodes, vec![input("x", data, shape)], outputs, vec![])))
    }

    #[track_caller]
    pub fn refused(self, message: &str) {
        self.refused_for(DataType::Float, &["N", "4"], message);
    }

    #[track_caller]
    pub fn refused_for(self, data: DataType, shape: &[&str], message: &str) {
        let error = self.load(data, shape).expect_err(message);
        assert_eq!((error.kind, error.code), (ErrorKind::UnsupportedModel, "graph-rejected"));
        assert!(error.message.contains(message), "{message:?} is not in: {}", error.message);
    }
}

/// Two trees: `x[0] <= 0.5 ? (x[1] <= 1.5 ? leaf : leaf) : leaf`, and a bare leaf.
fn classic<const N: usize>(operator: &'static str, more: [AttributeProto; N]) -> Ensemble {
    let ensemble = Ensemble::new(
        operator,
        [
            ints("nodes_treeids", &[0, 0, 0, 0, 0, 1]),
            ints("nodes_nodeids", &[0, 1, 2, 3, 4, 0]),
            ints("nodes_featureids", &[0, 1, 0, 0, 0, 0]),
            strings("nodes_modes", &["BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF", "LEAF"]),
            float_list("nodes_values", &[0.5, 1.5, 0.0, 0.0, 0.0, 0.0]),
            ints("nodes_truenodeids", &[1, 2, 0, 0, 0, 0]),
            ints("nodes_falsenodeids", &[4, 3, 0, 0, 0, 0]),
        ],
    );
    more.into_iter().fold(ensemble, Ensemble::set)
}

pub fn regressor() -> Ensemble {
    classic(
        "TreeEnsembleRegressor",
        [
            int("n_targets", 1),
            ints("target_treeids", &[0, 0, 0, 1]),
            ints("target_nodeids", &[2, 3, 4, 0]),
            ints("target_ids", &[0, 0, 0, 0]),
            float_list("target_weights", &[1.0, 2.0, 3.0, 10.0]),
        ],
    )
}

pub fn classifier() -> Ensemble {
    classic(
        "TreeEnsembleClassifier",
        [
            ints("classlabels_int64s", &[0, 1, 2]),
            ints("class_treeids", &[0, 0, 0, 1]),
            ints("class_nodeids", &[2, 3, 4, 0]),
            ints("class_ids", &[0, 1, 2, 0]),
            float_list("class_weights", &[1.0, 2.0, 3.0, 10.0]),
        ],
    )
}

pub fn bytes(name: &str, values: &[u8]) -> AttributeProto {
    let value = TensorProto {
        dims: vec![i64::try_from(values.len()).unwrap()],
        data_type: DataType::Uint8 as i32,
        raw_data: values.into(),
        ..Default::default()
    };
    tensor(name, value)
}

pub fn reals(name: &str, values: &[f32]) -> AttributeProto {
    tensor(name, floats(name, &[i64::try_from(values.len()).unwrap()], values))
}

pub fn doubles(name: &str, values: &[f64]) -> AttributeProto {
    let value = TensorProto {
        dims: vec![i64::try_from(values.len()).unwrap()],
        data_type: DataType::Double as i32,
        double_data: values.into(),
        ..Default::default()
    };
    tensor(name, value)
}

/// `x[0] <= 0.5 ? (x[1] in {1, 2} ? leaf 0 : leaf 1) : leaf 2`.
pub fn indexed() -> Ensemble {
    Ensemble::new(
        "TreeEnsemble",
        [
            int("n_targets", 1),
            ints("tree_roots", &[0]),
            ints("nodes_featureids", &[0, 1]),
            bytes("nodes_modes", &[0, 6]),
            reals("nodes_splits", &[0.5, 0.0]),
            reals("membership_values", &[1.0, 2.0, f32::NAN]),
            ints("nodes_truenodeids", &[1, 0]),
            ints("nodes_trueleafs", &[0, 1]),
            ints("nodes_falsenodeids", &[2, 1]),
            ints("nodes_falseleafs", &[1, 1]),
            ints("leaf_targetids", &[0, 0, 0]),
            reals("leaf_weights", &[1.0, 2.0, 3.0]),
        ],
    )
}
