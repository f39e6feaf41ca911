//! A JSON request, and its answer in the same form: one instance gets one prediction, an array of
//! instances an array with a prediction or an error for each.
//!
//! Instances are handed on as texts, not values: the component itself reads them, and refuses what
//! is ambiguous in them. Predictions are handed on as the component rendered them.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Class, HostError, Instance, Outcome, Predictor, Problem};

/// The instances of a request.
#[derive(Clone, Debug)]
pub struct Request {
    instances: Vec<Instance>,
    is_array: bool,
}

impl Request {
    /// Splits a JSON text into instances.
    ///
    /// # Errors
    /// [`Class::InvalidInput`] if it is not JSON. What an instance holds is not looked at.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let is_array = text.trim_start().starts_with('[');
        let texts: serde_json::Result<Vec<&RawValue>> = if is_array {
            serde_json::from_str(text)
        } else {
            serde_json::from_str(text).map(|text| vec![text])
        };
        let texts = texts.map_err(|error| HostError::Answer {
            class: Class::InvalidInput,
            problem: Problem {
                message: format!("not valid JSON: {error}"),
                code: "invalid-json".into(),
                file: None,
                field: None,
            },
        })?;
        let instances = texts.into_iter().map(|text| Instance::Json(text.get().to_owned()));
        Ok(Self { instances: instances.collect(), is_array })
    }

    /// A request of instances that are at hand; `is_array` says how the answer is shown.
    #[must_use]
    pub fn of(instances: Vec<Instance>, is_array: bool) -> Self {
        Self { instances, is_array }
    }

    /// The instances, in order.
    #[must_use]
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The instances themselves.
    #[must_use]
    pub fn into_instances(self) -> Vec<Instance> {
        self.instances
    }

    /// Whether they came as an array.
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.is_array
    }
}

/// Which bytes gave an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provenance {
    model: String,
    version: String,
    package: String,
    component: String,
}

impl Provenance {
    /// The model and the component of a predictor.
    #[must_use]
    pub fn of(predictor: &Predictor) -> Self {
        let description = predictor.description();
        Self {
            model: description.name.clone(),
            version: description.version.clone(),
            package: description.package.clone(),
            component: predictor.component().digest().to_string(),
        }
    }

    /// The JSON text of each outcome: the component's own with the provenance as its last key, or
    /// an object with the key `error`.
    #[must_use]
    pub fn texts(&self, outcomes: &[Outcome]) -> Vec<String> {
        let tail = self.tail();
        outcomes.iter().map(|outcome| text(outcome, &tail)).collect()
    }

    /// The same with the host's time (RFC 3339) as a key `timestamp` after the provenance. Whatever
    /// stands before the provenance is the component's, and so the same in every host.
    #[must_use]
    pub fn texts_at(&self, outcomes: &[Outcome], timestamp: &str) -> Vec<String> {
        let tail = format!("{},\"timestamp\":{}", self.tail(), Value::from(timestamp));
        outcomes.iter().map(|outcome| text(outcome, &tail)).collect()
    }

    fn tail(&self) -> String {
        format!("\"provenance\":{}", serde_json::to_string(self).unwrap_or_default())
    }
}

#[derive(Serialize)]
struct Failed<'a> {
    error: Described<'a>,
}

#[derive(Serialize)]
struct Described<'a> {
    class: &'static str,
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

/// The component's object with more keys at its end.
fn text(outcome: &Outcome, tail: &str) -> String {
    match outcome {
        Ok(prediction) => {
            let open = prediction.json.strip_suffix('}').unwrap_or(&prediction.json);
            let comma = if open.ends_with('{') { "" } else { "," };
            format!("{open}{comma}{tail}}}")
        }
        Err(error) => {
            let error = Described {
                class: error.class().name(),
                code: error.code(),
                message: error.to_string(),
                field: error.field(),
            };
            serde_json::to_string(&Failed { error }).unwrap_or_default()
        }
    }
}
