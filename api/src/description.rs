//! What models are, for those who ask before they predict.

use model_package::Manifest;
use predictor_host::{Keys, TensorType};
use serde_json::{Map, Value, json};

use crate::inference::datatype;
use crate::model::{Model, Models};

/// A line a model.
pub(crate) fn list(models: &Models) -> Value {
    json!({ "models": models.iter().map(|model| Value::Object(short(model))).collect::<Vec<_>>() })
}

/// The server and its models.
pub(crate) fn metadata(models: &Models) -> Value {
    json!({
        "name": "samebits",
        "version": env!("CARGO_PKG_VERSION"),
        "default": models.default().map(Model::name),
        "models": models.iter().map(|model| Value::Object(tensors(model))).collect::<Vec<_>>(),
    })
}

/// One model, with its whole manifest.
pub(crate) fn full(model: &Model) -> Value {
    let mut fields = tensors(model);
    let manifest = serde_json::from_str(&model.predictor().description().manifest);
    fields.insert("manifest".into(), manifest.unwrap_or(Value::Null));
    Value::Object(fields)
}

fn short(model: &Model) -> Map<String, Value> {
    let description = model.predictor().description();
    let text = |of: fn(&Manifest) -> Option<&str>| model.manifest().and_then(of);
    let value = json!({
        "name": description.name,
        "version": description.version,
        "task": description.task,
        "description": text(|manifest| manifest.description.as_deref()),
        "license": text(|manifest| Some(&manifest.license)),
        "package": description.package,
        "component": model.predictor().component().digest().to_string(),
        "predict": format!("models/{}/predict", description.name),
    });
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn tensors(model: &Model) -> Map<String, Value> {
    let description = model.predictor().description();
    let mut fields = short(model);
    let list = |tensors: &[TensorType]| tensors.iter().map(tensor).collect::<Vec<_>>();
    fields.insert("inputs".into(), list(&description.inputs).into());
    fields.insert("outputs".into(), list(&description.outputs).into());
    fields.insert("labels".into(), description.labels.clone().into());
    fields.insert("operators".into(), description.operators.clone().into());
    fields.insert("operations".into(), description.operations.into());
    fields
}

fn tensor(tensor: &TensorType) -> Value {
    let keys = match &tensor.keys {
        None => Value::Null,
        Some(Keys::Integers(keys)) => keys.clone().into(),
        Some(Keys::Strings(keys)) => keys.clone().into(),
    };
    json!({
        "name": tensor.name,
        "datatype": datatype::name(tensor.element_type),
        "shape": tensor.shape,
        "keys": keys,
    })
}
