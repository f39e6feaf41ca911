//! Reference cases: what a package says of itself, compared bit by bit with what the sandbox
//! answers.

use std::fmt;

use model_package::{Expected, Limits, ReferenceCase, ReferenceCases, Role};

use crate::bindings::exports::samebits::predictor::model as wit;
use crate::element::byte_size;
use crate::{HostError, Predictor};

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

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, what, expected, found } = self;
        write!(f, "{case}: {what}: expected {expected}, found {found}")
    }
}

/// What became of a model's reference cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// How many there are.
    pub cases: usize,
    /// Where answers are not as expected.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.differences.len() {
            0 => write!(f, "{} reference cases, every bit as expected", self.cases),
            differences => write!(f, "{} reference cases, {differences} differences", self.cases),
        }
    }
}

/// Answers all reference cases of a loaded model and compares them, bit by bit.
///
/// # Errors
/// As of [`cases`] and [`answer`].
pub fn check(predictor: &Predictor) -> Result<Checked, HostError> {
    let cases = cases(predictor)?.cases;
    let differences = differences(&cases, &answer(predictor, &cases)?);
    Ok(Checked { cases: cases.len(), differences })
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
        differences.extend(expected.differences(found).into_iter().map(|part| {
            let text = |side: Option<&str>| side.unwrap_or("nothing").to_owned();
            let (expected, found) = (text(part.expected), text(part.found));
            Difference { case: case.name.clone(), what: part.part, expected, found }
        }));
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
    Expected {
        label: prediction.label.clone(),
        score: prediction.score.map(Expected::score_bits),
        action: prediction.action.clone(),
        outputs: outputs(prediction).map(|(name, bits)| (name.to_owned(), bits)).collect(),
        json: prediction.json.clone(),
    }
}

/// The outputs of a prediction by their names and bits.
pub fn outputs(prediction: &wit::Prediction) -> impl Iterator<Item = (&str, String)> {
    prediction.outputs.iter().map(|tensor| {
        // Strings stay as they lie, and so do elements that share a byte.
        let size = byte_size(tensor.element_type).unwrap_or(1);
        (tensor.name.as_str(), Expected::output_bits(size, &tensor.data))
    })
}
