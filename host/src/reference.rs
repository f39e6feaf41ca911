//! Reference cases: what a package says of itself, compared bit by bit with what the sandbox
//! answers.

use model_package::{Expected, Limits, ReferenceCase, ReferenceCases, Role};

use crate::bindings::exports::samebits::predictor::model as wit;
use crate::{ElementType, HostError, Predictor};

/// A case that did not get what it expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The case's name.
    pub case: String,
    /// What differs: `score`, `outputs.probabilities`, `json`, …
    pub what: String,
    /// What the package says.
    pub expected: String,
    /// What the sandbox answered.
    pub found: String,
}

/// The reference cases of a loaded model; none if its package has no such file.
///
/// # Errors
/// If the file is not what the format says.
pub fn cases(predictor: &Predictor) -> Result<ReferenceCases, HostError> {
    let Some(file) = predictor.file(Role::ReferenceCases)? else {
        return Ok(ReferenceCases::default());
    };
    ReferenceCases::parse(&file.path, &file.content, &Limits::DEFAULT)
        .map_err(|error| HostError::Store(error.into()))
}

/// Answers every case, each by itself.
///
/// # Errors
/// The first case that fails.
pub fn answer(predictor: &Predictor, cases: &[ReferenceCase]) -> Result<Vec<Expected>, HostError> {
    let mut answers = Vec::with_capacity(cases.len());
    for case in cases {
        let outcomes = predictor.predict(&[instance(case)])?;
        for outcome in outcomes {
            answers.push(bits(&outcome?));
        }
    }
    Ok(answers)
}

/// Compares answers with what the cases expect. A case without an expectation differs.
#[must_use]
pub fn differences(cases: &[ReferenceCase], answers: &[Expected]) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (case, found) in cases.iter().zip(answers) {
        let none = Expected::default();
        let expected = case.expected.as_ref().unwrap_or(&none);
        let mut compare = |what: String, expected: Option<&String>, found: Option<&String>| {
            if expected != found {
                let text =
                    |side: Option<&String>| side.map_or("nothing", String::as_str).to_owned();
                let (expected, found) = (text(expected), text(found));
                differences.push(Difference { case: case.name.clone(), what, expected, found });
            }
        };
        compare("label".into(), expected.label.as_ref(), found.label.as_ref());
        compare("score".into(), expected.score.as_ref(), found.score.as_ref());
        compare("action".into(), expected.action.as_ref(), found.action.as_ref());
        let names: std::collections::BTreeSet<_> =
            expected.outputs.keys().chain(found.outputs.keys()).collect();
        for name in names {
            let what = format!("outputs.{name}");
            compare(what, expected.outputs.get(name), found.outputs.get(name));
        }
        compare("json".into(), Some(&expected.json), Some(&found.json));
    }
    differences
}

/// A case's input as the component takes it.
#[must_use]
pub fn instance(case: &ReferenceCase) -> wit::Instance {
    wit::Instance::Json(serde_json::Value::Object(case.input.clone()).to_string())
}

/// A prediction by its bits.
#[must_use]
pub fn bits(prediction: &wit::Prediction) -> Expected {
    let outputs = prediction.outputs.iter();
    Expected {
        label: prediction.label.clone(),
        score: prediction.score.map(|score| format!("{:08x}", score.to_bits())),
        action: prediction.action.clone(),
        outputs: outputs.map(|tensor| (tensor.name.clone(), hexadecimal(tensor))).collect(),
        json: prediction.json.clone(),
    }
}

/// The bytes of each element turned round, so that a float reads as its bits are written. Strings
/// stay as they lie.
fn hexadecimal(tensor: &wit::Tensor) -> String {
    let size = match tensor.element_type {
        ElementType::Uint16 | ElementType::Int16 | ElementType::Float16 | ElementType::Bfloat16 => {
            2
        }
        ElementType::Uint32 | ElementType::Int32 | ElementType::Float32 => 4,
        ElementType::Uint64 | ElementType::Int64 | ElementType::Float64 => 8,
        _ => 1,
    };
    let elements = tensor.data.chunks(size);
    elements.flat_map(|element| element.iter().rev().map(|byte| format!("{byte:02x}"))).collect()
}
