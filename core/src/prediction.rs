//! From a row of the graph's outputs to an answer: label, score, action, and their JSON.

use model_package::{Manifest, Task};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::{Error, ErrorKind, Tensor};

/// What was predicted for one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The answer as one JSON object, the same text in every host.
    pub json: String,
    /// The most likely label; of equals the first.
    pub label: Option<String>,
    /// The number that decisions are made on.
    pub score: Option<f32>,
    /// What the manifest's rules make of the score.
    pub action: Option<String>,
    /// This instance's rows of the graph's outputs, without the batch dimension.
    pub outputs: Vec<Tensor>,
    /// Things that the caller should know.
    pub warnings: Vec<String>,
}

/// Interprets one instance's rows.
///
/// `values` are the elements of the probabilities or the value; `id` is the instance's name.
pub(crate) fn interpret(
    manifest: &Manifest,
    id: Option<String>,
    values: &[f32],
    outputs: Vec<Tensor>,
    warnings: Vec<String>,
) -> Result<Prediction, Error> {
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        // Comparisons with NaN are false, so a rule would quietly let it pass.
        let message = format!("the model gave {value}, which is not a number to decide on");
        return Err(Error::new(ErrorKind::InferenceFailed, "non-finite-output", message));
    }
    let spec = &manifest.output;
    let score_name = spec.score.as_ref().map_or("score", |score| score.name.as_str());
    let (label, score) = match manifest.task {
        Task::TabularClassification => {
            let best = largest(values);
            let declared = spec.score.as_ref().and_then(|score| score.label.as_ref());
            let of = declared.and_then(|label| spec.labels.iter().position(|known| known == label));
            let score = values.get(of.unwrap_or(best)).copied();
            (spec.labels.get(best).cloned(), score)
        }
        Task::TabularRegression => (None, values.first().copied()),
    };
    let action = score.zip(manifest.decision.as_ref()).map(|(score, decision)| {
        let rule = decision.rules.iter().find(|rule| f64::from(score) > rule.above);
        rule.map_or(&decision.otherwise, |rule| &rule.action).clone()
    });
    // Of two labels with a declared score, the score says it all.
    let says_more = spec.score.is_none() || spec.labels.len() > 2;
    let probabilities = (label.is_some() && says_more).then_some((&spec.labels, values));
    let answer = Answer {
        id: manifest.id_field().map(|field| field.name.as_str()).zip(id.as_deref()),
        score: score.map(|score| (score_name, score)),
        label: label.as_deref(),
        action: action.as_deref(),
        probabilities,
        warnings: &warnings,
    };
    let json = serde_json::to_string(&answer).map_err(|error| {
        Error::new(ErrorKind::InferenceFailed, "inference-failed", error.to_string())
    })?;
    Ok(Prediction { json, label, score, action, outputs, warnings })
}

fn largest(values: &[f32]) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, value) in values.iter().enumerate() {
        if *value > best.1 {
            best = (index, *value);
        }
    }
    best.0
}

/// The JSON object of a prediction. The order of its keys is part of the interface.
struct Answer<'a> {
    id: Option<(&'a str, &'a str)>,
    score: Option<(&'a str, f32)>,
    label: Option<&'a str>,
    action: Option<&'a str>,
    probabilities: Option<(&'a Vec<String>, &'a [f32])>,
    warnings: &'a [String],
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some((name, id)) = self.id {
            map.serialize_entry(name, id)?;
        }
        if let Some((name, score)) = self.score {
            map.serialize_entry(name, &score)?;
        }
        if let Some(label) = self.label {
            map.serialize_entry("label", label)?;
        }
        if let Some(action) = self.action {
            map.serialize_entry("action", action)?;
        }
        if let Some((labels, values)) = self.probabilities {
            map.serialize_entry("probabilities", &Probabilities(labels, values))?;
        }
        if !self.warnings.is_empty() {
            map.serialize_entry("warnings", self.warnings)?;
        }
        map.end()
    }
}

struct Probabilities<'a>(&'a [String], &'a [f32]);

impl Serialize for Probabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}
