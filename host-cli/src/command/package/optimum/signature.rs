//! The names of a graph's inputs and outputs, read from the ONNX file. Everything else in it is the
//! component's business.

use anyhow::Result;
use model_package::{GraphInput, GraphInputSource, GraphSpec, Task};
use prost::Message as _;

use crate::failure::ModelError;
use crate::onnx::proto::ModelProto;

/// What a graph's inputs and outputs are called.
pub(super) struct Signature {
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl Signature {
    /// Reads the names from an ONNX file.
    pub(super) fn of(onnx: &[u8]) -> Result<Self, prost::DecodeError> {
        let graph = ModelProto::decode(onnx)?.graph.unwrap_or_default();
        Ok(Self {
            inputs: graph.open_inputs().map(|input| input.name.clone()).collect(),
            outputs: graph.outputs.iter().map(|output| output.name.clone()).collect(),
        })
    }

    /// What fills each input, by the names that Optimum gives.
    pub(super) fn inputs(&self, task: Task) -> Result<GraphSpec> {
        let mut inputs = Vec::new();
        for name in &self.inputs {
            let from = match name.as_str() {
                "input_ids" => GraphInputSource::InputIds,
                "attention_mask" => GraphInputSource::AttentionMask,
                "token_type_ids" => GraphInputSource::TokenTypeIds,
                "pixel_values" => GraphInputSource::Pixels,
                "pixel_mask" => GraphInputSource::PixelMask,
                other => {
                    let task = task.name();
                    let message = format!(
                        "the graph has the input {other:?}, which nothing of a {task} fills"
                    );
                    return Err(ModelError(message).into());
                }
            };
            inputs.push(GraphInput { name: name.clone(), from, fields: Vec::new() });
        }
        Ok(GraphSpec { inputs })
    }

    /// The first of these names that is an output.
    pub(super) fn output(&self, names: &[&str]) -> Result<String> {
        let found = names.iter().find(|name| self.outputs.iter().any(|output| output == *name));
        let message = || {
            let (expected, found) = (names.join(" or "), self.outputs.join(", "));
            ModelError(format!("the graph has no output {expected}, its outputs are {found}"))
        };
        Ok((*found.ok_or_else(message)?).to_owned())
    }
}
