//! The Open Inference Protocol, version 2, with the binary tensor extension: raw tensors in and
//! out of a model's graph, past feature engineering and labels.
//!
//! The path alone decides that a request is one: `tritonclient` sends no content type, and binary
//! tensors unless told otherwise.

pub(crate) mod datatype;
mod elements;
mod request;
mod tensors;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use predictor_host::TensorType;
use serde_json::{Value, json};

use crate::model::Model;
use crate::problem::Problem;
use crate::{Settings, Time, coding, response};

/// How many bytes of a body are JSON; tensors follow.
pub(crate) const HEADER_LENGTH: HeaderName =
    HeaderName::from_static("inference-header-content-length");

/// `GET /v2`.
pub(crate) fn server() -> Response<Bytes> {
    let text = json!({
        "name": "samebits",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": ["binary_tensor_data"],
    });
    response::json(text.to_string())
}

/// `GET /v2/models/NAME`.
pub(crate) fn model(model: &Model) -> Response<Bytes> {
    let description = model.predictor().description();
    let list = |tensors: &[TensorType]| tensors.iter().map(tensor).collect::<Vec<_>>();
    let text = json!({
        "name": description.name,
        "versions": [description.version],
        "platform": "onnx_samebits",
        "inputs": list(&description.inputs),
        "outputs": list(&description.outputs),
    });
    response::json(text.to_string())
}

/// `GET /v2/models/NAME/ready`: models are loaded before anything listens.
pub(crate) fn ready(model: &Model) -> String {
    json!({ "name": model.name(), "version": model.version(), "ready": true }).to_string()
}

/// An extent that may vary is -1.
fn tensor(tensor: &TensorType) -> Value {
    let shape: Vec<i64> = tensor.shape.iter().map(|extent| extent.parse().unwrap_or(-1)).collect();
    json!({
        "name": tensor.name,
        "datatype": datatype::name(tensor.element_type),
        "shape": shape,
    })
}

/// `POST /v2/models/NAME/infer`.
///
/// # Errors
/// What is wrong with the request, or what the model failed with.
pub(crate) fn infer(
    model: &Model,
    request: &Request<Bytes>,
    settings: &Settings,
    time: &Time<'_>,
) -> Result<Response<Bytes>, Problem> {
    let body = coding::undo(request.headers(), request.body(), settings.body_bytes)?;
    let header_length = request.headers().get(HEADER_LENGTH).map(|value| value.as_bytes());
    let request = request::read(&body, header_length)?;
    if time.is_up() {
        return Err(Problem::out_of_time());
    }
    let outputs = model.predictor().infer(&request.tensors)?;
    let answer = tensors::answer(model, &request, outputs)?;
    let content_type = match answer.header_length {
        None => "application/json",
        Some(_) => "application/octet-stream",
    };
    let mut response = response::json(answer.body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(length) = answer.header_length {
        headers.insert(HEADER_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}
