//! An inference response: the outputs that were asked for, each in JSON or behind it in binary.

use predictor_host::{Provenance, Tensor};
use serde::Serialize;

use super::datatype;
use super::elements::Elements;
use super::request::Request;
use crate::model::Model;
use crate::problem::Problem;

/// A body, and how much of it is JSON where tensors follow.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) header_length: Option<usize>,
}

#[derive(Serialize)]
struct Body<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// Which bytes gave the answer.
    parameters: &'a Provenance,
    outputs: Vec<Output<'a>>,
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: &'a [u64],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Binary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Elements<'a>>,
}

#[derive(Serialize)]
struct Binary {
    binary_data_size: usize,
}

/// Writes the outputs of a graph as the request wants them.
pub(super) fn answer(
    model: &Model,
    request: &Request,
    outputs: Vec<Tensor>,
) -> Result<Answer, Problem> {
    let chosen: Vec<(&Tensor, bool)> = match &request.outputs {
        // Triton, too, takes an empty list for no list.
        Some(wanted) if !wanted.is_empty() => wanted
            .iter()
            .map(|(name, binary)| Ok((named(&outputs, name)?, *binary)))
            .collect::<Result<_, Problem>>()?,
        _ => outputs.iter().map(|tensor| (tensor, request.binary)).collect(),
    };
    let shown = chosen.iter().map(|(tensor, binary)| Output {
        name: &tensor.name,
        datatype: datatype::name(tensor.element_type),
        shape: &tensor.shape,
        parameters: binary.then_some(Binary { binary_data_size: tensor.data.len() }),
        data: (!binary)
            .then_some(Elements { element_type: tensor.element_type, data: &tensor.data }),
    });
    let body = Body {
        model_name: model.name(),
        model_version: model.version(),
        id: request.id.as_deref(),
        parameters: model.provenance(),
        outputs: shown.collect(),
    };
    let mut body = serde_json::to_vec(&body).map_err(|error| {
        let message = format!("an output can't be written as JSON: {error}; ask for binary_data");
        Problem::input("binary-only", message)
    })?;
    if !chosen.iter().any(|(_, binary)| *binary) {
        return Ok(Answer { body, header_length: None });
    }
    let header_length = Some(body.len());
    for (tensor, _) in chosen.iter().filter(|(_, binary)| *binary) {
        body.extend_from_slice(&tensor.data);
    }
    Ok(Answer { body, header_length })
}

fn named<'a>(outputs: &'a [Tensor], name: &str) -> Result<&'a Tensor, Problem> {
    outputs.iter().find(|output| output.name == name).ok_or_else(|| {
        let known = outputs.iter().map(|output| output.name.as_str()).collect::<Vec<_>>();
        let shown: String = name.chars().take(100).collect();
        let message = format!("there is no output {shown:?}; the outputs are {}", known.join(", "));
        Problem::input("unknown-output", message)
    })
}
