//! Instances with what they are for: `{"model", "instances", "parameters"}`, and the batches that
//! Step Functions makes for a distributed map.

use predictor_host::{Instance, Request};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// Instances with what they are for.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// The model's name, where the request names one.
    pub(crate) model: Option<String>,
    /// The instances.
    pub(crate) request: Request,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Instances {
    model: Option<String>,
    instances: Vec<Box<RawValue>>,
    parameters: Option<Map<String, Value>>,
}

/// What the state `Map` hands over with an `ItemBatcher`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Items {
    #[serde(rename = "BatchInput")]
    batch_input: Option<BatchInput>,
    #[serde(rename = "Items")]
    items: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct BatchInput {
    model: Option<String>,
}

/// Reads an object that has the key `instances` or `Items`.
pub(super) fn read(text: &str) -> Result<Envelope, Failure> {
    let broken = |error: serde_json::Error| {
        let keys = "model, instances and parameters, or BatchInput and Items";
        Failure::Event(format!("an envelope that can't be read: {error}; its keys are {keys}"))
    };
    let (model, instances) = if super::is_array(super::Shape::of(text).instances) {
        let envelope: Instances = serde_json::from_str(text).map_err(broken)?;
        if let Some(name) = envelope.parameters.as_ref().and_then(|all| all.keys().next()) {
            return Err(Failure::Event(format!(
                "the parameter {:?} is not known; this function takes none",
                name.chars().take(80).collect::<String>()
            )));
        }
        (envelope.model, envelope.instances)
    } else {
        let batch: Items = serde_json::from_str(text).map_err(broken)?;
        (batch.batch_input.and_then(|input| input.model), batch.items)
    };
    let instances = instances.into_iter().map(|text| Instance::Json(text.get().to_owned()));
    Ok(Envelope { model, request: Request::of(instances.collect(), true) })
}
