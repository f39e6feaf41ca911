//! Products and convolutions with weights that are part of the graph.
//!
//! They are most of what a network costs, so tract prepares each for the shape that it meets, the
//! batch left open, and keeps that until another shape comes. With the batch open, a row's bits do
//! not depend on the rows around it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TypedRunnableModel;
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::Value;

use super::item::Item;

/// An operator with its weights.
pub(super) struct Prepared {
    op: Box<dyn Expansion>,
    weights: Vec<Arc<Tensor>>,
    latest: Mutex<Option<(Vec<usize>, Arc<TypedRunnableModel>)>>,
}

impl Prepared {
    /// The node's operator, if it is one of these and its weights are constants of float32.
    pub fn new(
        node: &NodeProto,
        op: &dyn InferenceOp,
        constants: &BTreeMap<String, Item>,
    ) -> Option<Self> {
        if !matches!(node.op_type.as_str(), "Conv" | "ConvTranspose" | "Gemm" | "MatMul") {
            return None;
        }
        let op = op.as_op().downcast_ref::<Box<dyn Expansion>>()?.clone();
        let weight = |name: &String| {
            let value = constants.get(name)?.tensor().ok()?;
            let plain = value.narrow.is_none() && value.tensor.datum_type() == DatumType::F32;
            plain.then(|| Arc::clone(&value.tensor))
        };
        // A node whose rows are turned over has its batch elsewhere.
        let turned = node.attribute.iter().any(|a| a.name == "transA" && a.i != 0);
        let weights = node.input.iter().skip(1).map(weight).collect::<Option<Vec<_>>>()?;
        let latest = Mutex::new(None);
        (!turned && !weights.is_empty()).then_some(Self { op, weights, latest })
    }

    /// What the operator gives; `None` if tract can't prepare it for this input.
    pub fn run(&self, input: &Value) -> Option<TractResult<Vec<Value>>> {
        let tensor = &input.tensor;
        if input.narrow.is_some() || tensor.datum_type() != DatumType::F32 || tensor.rank() < 2 {
            return None;
        }
        let mut latest = self.latest.lock().ok()?;
        let own = tensor.shape().get(1..)?;
        let plan = match &*latest {
            Some((shape, plan)) if shape == own => Arc::clone(plan),
            _ => {
                let plan = self.prepare(own).ok()?;
                *latest = Some((own.to_vec(), Arc::clone(&plan)));
                plan
            }
        };
        let outputs = plan.run(tvec!(Arc::clone(tensor).into_tvalue()));
        Some(outputs.map(|outputs| {
            outputs.into_iter().map(|output| Value::from(output.into_arc_tensor())).collect()
        }))
    }

    fn prepare(&self, own: &[usize]) -> TractResult<Arc<TypedRunnableModel>> {
        let mut model = TypedModel::default();
        let batch = model.symbols.sym("N").to_dim();
        let shape: TVec<TDim> =
            std::iter::once(batch).chain(own.iter().map(|extent| extent.to_dim())).collect();
        let mut inputs = vec![model.add_source("input", DatumType::F32.fact(shape))?];
        for (place, weight) in self.weights.iter().enumerate() {
            inputs.push(model.add_const(format!("weight{place}"), Arc::clone(weight))?);
        }
        let outputs = self.op.wire("node", &mut model, &inputs)?;
        model.select_output_outlets(&outputs)?;
        model.into_optimized()?.into_runnable()
    }
}
