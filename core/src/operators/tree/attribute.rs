//! Reads the attributes of an ensemble, with their types checked but not yet what they say; what
//! must be there is for the encodings to say. Version 1 and version 3 differ only in the `*_as_tensor` attributes.

use tract_onnx::pb::{TensorProto, tensor_proto};
use tract_onnx::prelude::{TractError, TractResult};
use tract_onnx::tract_core::internal::bail;

use super::classic::{ClassicAttributes, WeightNames};
use super::description::{Aggregate, Reals, expect_targets};
use super::error::EnsembleError;
use super::indexed::IndexedAttributes;
use crate::operators::attribute::{Attributes, elements};
use crate::operators::tensor::cast;

impl<'a> Attributes<'a> {
    /// What the classifier and the regressor have in common.
    pub(super) fn classic(
        self,
        targets: usize,
        weight_names: WeightNames,
        weights: Reals,
    ) -> TractResult<ClassicAttributes<'a>> {
        let ints = |name| Ok::<_, TractError>(self.0.get_attr_opt_slice(name)?.unwrap_or_default());
        Ok(ClassicAttributes {
            targets,
            tree_ids: ints("nodes_treeids")?,
            node_ids: ints("nodes_nodeids")?,
            feature_ids: ints("nodes_featureids")?,
            modes: self.0.get_attr_opt_slice("nodes_modes")?.unwrap_or_default(),
            values: self.either("nodes_values", "nodes_values_as_tensor")?,
            true_ids: ints("nodes_truenodeids")?,
            false_ids: ints("nodes_falsenodeids")?,
            missing_is_true: ints("nodes_missing_value_tracks_true")?,
            weight_trees: ints(weight_names.trees)?,
            weight_nodes: ints(weight_names.nodes)?,
            weight_ids: ints(weight_names.ids)?,
            weight_names,
            weights,
        })
    }

    /// The attributes of version 5.
    pub(super) fn indexed(self) -> TractResult<IndexedAttributes> {
        let modes = match self.tensor("nodes_modes")? {
            Some(tensor) => bytes(tensor)?,
            None => Vec::new(),
        };
        Ok(IndexedAttributes {
            targets: expect_targets("n_targets", self.int("n_targets", 0)?)?,
            roots: self.ints("tree_roots")?,
            feature_ids: self.ints("nodes_featureids")?,
            modes,
            splits: self.reals("nodes_splits")?,
            members: self.reals("membership_values")?,
            missing_is_true: self.ints("nodes_missing_value_tracks_true")?,
            true_ids: self.ints("nodes_truenodeids")?,
            true_leaves: self.ints("nodes_trueleafs")?,
            false_ids: self.ints("nodes_falsenodeids")?,
            false_leaves: self.ints("nodes_falseleafs")?,
            leaf_targets: self.ints("leaf_targetids")?,
            leaf_weights: self.reals("leaf_weights")?,
        })
    }

    /// The aggregate that a regressor names.
    pub(super) fn aggregate_name(self) -> TractResult<Aggregate> {
        let attribute = "aggregate_function";
        Ok(match self.text(attribute, "SUM")? {
            "AVERAGE" => Aggregate::Average,
            "SUM" => Aggregate::Sum,
            "MIN" => Aggregate::Min,
            "MAX" => Aggregate::Max,
            other => {
                let found = format!("{:?}", other.chars().take(32).collect::<String>());
                let accepted = "AVERAGE, SUM, MIN and MAX";
                Err(EnsembleError::Unknown { attribute, index: 0, found, accepted })?
            }
        })
    }

    /// The aggregate that version 5 numbers.
    pub(super) fn aggregate_number(self) -> TractResult<Aggregate> {
        let attribute = "aggregate_function";
        Ok(match self.int(attribute, 1)? {
            0 => Aggregate::Average,
            1 => Aggregate::Sum,
            2 => Aggregate::Min,
            3 => Aggregate::Max,
            found => Err(EnsembleError::OutOfRange { attribute, index: 0, found, highest: 3 })?,
        })
    }

    /// A list of floats, or the tensor that may stand in its place.
    pub(super) fn either(self, list: &'static str, tensor: &'static str) -> TractResult<Reals> {
        let floats = self.0.get_attr_opt_slice::<f32>(list)?.unwrap_or_default();
        let reals = self.reals(tensor)?;
        if floats.is_empty() && !reals.values.is_empty() {
            return Ok(reals);
        }
        if !reals.values.is_empty() {
            Err(EnsembleError::Exclusive { first: list, second: tensor })?;
        }
        let values = floats.iter().map(|value| f64::from(*value)).collect();
        Ok(Reals { attribute: list, values, double: false })
    }

    /// A tensor of floats or doubles; empty when it is absent.
    fn reals(self, attribute: &'static str) -> TractResult<Reals> {
        match self.tensor(attribute)? {
            Some(tensor) => reals(attribute, tensor),
            None => Ok(Reals { attribute, values: Vec::new(), double: false }),
        }
    }
}

/// The elements of a tensor of floats or doubles. Its shape is ignored: it is a list.
fn reals(attribute: &'static str, tensor: &TensorProto) -> TractResult<Reals> {
    const FLOAT: i32 = tensor_proto::DataType::Float as i32;
    const DOUBLE: i32 = tensor_proto::DataType::Double as i32;
    if !matches!(tensor.data_type, FLOAT | DOUBLE) {
        let found = tensor.data_type;
        bail!("attribute {attribute} has element type {found}; accepted are FLOAT and DOUBLE")
    }
    let values = cast::<f64>(&elements(attribute, tensor)?)?.into_owned();
    Ok(Reals { attribute, values, double: tensor.data_type == DOUBLE })
}

/// The modes of version 5, which are a tensor of bytes.
fn bytes(tensor: &TensorProto) -> TractResult<Vec<u8>> {
    if tensor.data_type != tensor_proto::DataType::Uint8 as i32 {
        bail!("attribute nodes_modes has element type {}; accepted is UINT8", tensor.data_type);
    }
    if !tensor.raw_data.is_empty() {
        return Ok(tensor.raw_data.clone());
    }
    let byte = |value: &i32| u8::try_from(*value);
    Ok(tensor.int32_data.iter().map(byte).collect::<Result<_, _>>()?)
}
