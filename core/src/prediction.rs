//! From a row of the graph's outputs to an answer: label, score, action, and their JSON.

use model_package::{Activation, Manifest, Neutral, OutputSpec};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::detection::Object;
use crate::text::Entity;
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
    /// This instance's rows of the graph's outputs, without the batch dimension; of the task
    /// `tensors`, the outputs as they are.
    pub outputs: Vec<Tensor>,
    /// Things that the caller should know.
    pub warnings: Vec<String>,
}

/// What a model says of one instance, before rules and JSON.
#[derive(Debug)]
pub(crate) enum Finding {
    /// A regression's number.
    Value(f32),
    /// What the output has for each label.
    Labels(Vec<f32>),
    /// Objects, the highest scores first.
    Objects(Vec<Object>),
    /// Parts of a text.
    Entities(Vec<Entity>),
    /// A vector.
    Embedding(Vec<f32>),
    /// The outputs as they are, as JSON.
    Nested(String),
}

/// A finding with what belongs to it.
#[derive(Debug)]
pub(crate) struct Found {
    /// The instance's name.
    pub(crate) id: Option<String>,
    pub(crate) finding: Finding,
    /// This instance's rows of the graph's outputs.
    pub(crate) outputs: Vec<Tensor>,
    pub(crate) warnings: Vec<String>,
}

/// What a member of an ensemble says.
#[derive(Debug)]
pub(crate) struct Opinion<'a> {
    /// The member's name.
    pub(crate) name: &'a str,
    /// Its probabilities in the order of the ensemble's labels; of a regression its value.
    pub(crate) values: Vec<f32>,
}

impl Opinion<'_> {
    /// The number that stands for it, as in the ensemble's own answer.
    pub(crate) fn score(&self, spec: &OutputSpec) -> f32 {
        let of = scored(spec).unwrap_or_else(|| largest(&self.values));
        self.values.get(of).copied().unwrap_or_default()
    }
}

/// Makes a finding an answer, with the members' opinions where it is an ensemble's.
pub(crate) fn interpret(
    manifest: &Manifest,
    found: Found,
    opinions: &[Opinion<'_>],
) -> Result<Prediction, Error> {
    let spec = &manifest.output;
    let Found { id, finding, outputs, warnings } = found;
    let finding = match finding {
        Finding::Nested(json) => {
            let (label, score, action) = (None, None, None);
            return Ok(Prediction { json, label, score, action, outputs, warnings });
        }
        finding => finding,
    };
    let score_name = spec.score.as_ref().map_or("score", |score| score.name.as_str());
    let mut answer = Answer {
        id: manifest.id_field().map(|field| field.name.as_str()).zip(id.as_deref()),
        score_name,
        members: opinions.iter().map(|opinion| Said::of(opinion, spec)).collect(),
        warnings: &warnings,
        ..Answer::default()
    };
    match &finding {
        Finding::Value(value) => {
            finite(&[*value])?;
            answer.score = Some(*value);
        }
        Finding::Labels(values) => {
            finite(values)?;
            answer.classify(spec, &activate(values, spec.activation));
        }
        Finding::Objects(objects) => {
            answer.label = objects.first().map(|object| object.label.as_str());
            // Where there is nothing, a rule still decides.
            answer.score = Some(objects.first().map_or(0.0, |object| object.score));
            answer.detections = Some(objects);
        }
        Finding::Entities(entities) => answer.entities = Some(entities),
        Finding::Embedding(vector) => {
            finite(vector)?;
            answer.embedding = Some(vector);
        }
        Finding::Nested(_) => {}
    }
    answer.action = answer.score.zip(manifest.decision.as_ref()).map(|(score, decision)| {
        let rule = decision.rules.iter().find(|rule| f64::from(score) > rule.above);
        rule.map_or(&decision.otherwise, |rule| &rule.action).as_str()
    });
    let json = serde_json::to_string(&answer).map_err(|error| {
        Error::new(ErrorKind::InferenceFailed, "inference-failed", error.to_string())
    })?;
    let Answer { label, score, action, .. } = answer;
    let (label, action) = (label.map(str::to_owned), action.map(str::to_owned));
    Ok(Prediction { json, label, score, action, outputs, warnings })
}

/// Comparisons with NaN are false, so a rule would quietly let it pass.
pub(crate) fn finite(values: &[f32]) -> Result<(), Error> {
    let Some(value) = values.iter().find(|value| !value.is_finite()) else {
        return Ok(());
    };
    let message = format!("the model gave {value}, which is not a number to decide on");
    Err(Error::new(ErrorKind::InferenceFailed, "non-finite-output", message))
}

/// Makes an output probabilities. Computed in binary64, and rounded to binary32 at the end.
pub(crate) fn activate(values: &[f32], activation: Option<Activation>) -> Vec<f32> {
    match activation {
        None => values.to_vec(),
        Some(Activation::Sigmoid) => {
            values.iter().map(|x| (1.0 / (1.0 + libm::exp(-f64::from(*x)))) as f32).collect()
        }
        Some(Activation::Softmax) => {
            let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers: Vec<f64> =
                values.iter().map(|x| libm::exp(f64::from(*x) - f64::from(largest))).collect();
            let sum: f64 = powers.iter().sum();
            powers.iter().map(|power| (power / sum) as f32).collect()
        }
    }
}

/// The place of the largest value; of equals the first.
pub(crate) fn largest(values: &[f32]) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, value) in values.iter().enumerate() {
        if *value > best.1 {
            best = (index, *value);
        }
    }
    best.0
}

/// The place of the label whose probability is the score, where one is declared.
fn scored(spec: &OutputSpec) -> Option<usize> {
    let label = spec.score.as_ref()?.label.as_ref()?;
    spec.labels.iter().position(|known| known == label)
}

/// The JSON object of a prediction. The order of its keys is part of the interface.
#[derive(Default)]
struct Answer<'a> {
    id: Option<(&'a str, &'a str)>,
    score_name: &'a str,
    score: Option<f32>,
    label: Option<&'a str>,
    /// Those that hold, where each label holds by itself.
    labels: Option<Vec<&'a str>>,
    action: Option<&'a str>,
    probabilities: Option<Vec<(&'a str, f32)>>,
    detections: Option<&'a [Object]>,
    entities: Option<&'a [Entity]>,
    embedding: Option<&'a [f32]>,
    /// Of an ensemble.
    members: Vec<Said<'a>>,
    warnings: &'a [String],
}

/// What a member says, in its ensemble's answer.
struct Said<'a> {
    name: &'a str,
    score_name: &'a str,
    score: f32,
    label: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn of(opinion: &Opinion<'a>, spec: &'a OutputSpec) -> Self {
        Self {
            name: opinion.name,
            score_name: spec.score.as_ref().map_or("score", |score| score.name.as_str()),
            score: opinion.score(spec),
            label: spec.labels.get(largest(&opinion.values)).map(String::as_str),
        }
    }
}

impl<'a> Answer<'a> {
    fn classify(&mut self, spec: &'a OutputSpec, values: &[f32]) {
        let best = largest(values);
        self.score = values.get(scored(spec).unwrap_or(best)).copied();
        self.label = spec.labels.get(best).map(String::as_str);
        let unsure = |neutral: &&Neutral| {
            values.get(best).is_some_and(|value| f64::from(*value) < neutral.below)
        };
        if let Some(neutral) = spec.neutral.as_ref().filter(unsure) {
            self.label = Some(&neutral.label);
        }
        let pairs = spec.labels.iter().map(String::as_str).zip(values.iter().copied());
        self.labels = spec.each_above.map(|above| {
            let holds = pairs.clone().filter(|(_, value)| f64::from(*value) > above);
            holds.map(|(label, _)| label).collect()
        });
        // Of two labels with a declared score, the score says it all.
        let says_more = spec.score.is_none() || spec.labels.len() > 2;
        self.probabilities = says_more.then(|| {
            let mut pairs: Vec<_> = pairs.collect();
            if let Some(top) = spec.top {
                // Of equals the first one declared comes first: the sort is stable.
                pairs.sort_by(|(_, a), (_, b)| b.total_cmp(a));
                pairs.truncate(top as usize);
            }
            pairs
        });
    }
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some((name, id)) = self.id {
            map.serialize_entry(name, id)?;
        }
        if let Some(score) = self.score {
            map.serialize_entry(self.score_name, &score)?;
        }
        if let Some(label) = self.label {
            map.serialize_entry("label", label)?;
        }
        if let Some(labels) = &self.labels {
            map.serialize_entry("labels", labels)?;
        }
        if let Some(action) = self.action {
            map.serialize_entry("action", action)?;
        }
        if let Some(pairs) = &self.probabilities {
            map.serialize_entry("probabilities", &Probabilities(pairs))?;
        }
        if let Some(detections) = self.detections {
            map.serialize_entry("detections", detections)?;
        }
        if let Some(entities) = self.entities {
            map.serialize_entry("entities", entities)?;
        }
        if let Some(embedding) = self.embedding {
            map.serialize_entry("embedding", embedding)?;
        }
        if !self.members.is_empty() {
            map.serialize_entry("members", &Members(&self.members))?;
        }
        if !self.warnings.is_empty() {
            map.serialize_entry("warnings", self.warnings)?;
        }
        map.end()
    }
}

struct Probabilities<'a>(&'a [(&'a str, f32)]);

impl Serialize for Probabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

struct Members<'a>(&'a [Said<'a>]);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|said| (said.name, said)))
    }
}

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.score_name, &self.score)?;
        if let Some(label) = self.label {
            map.serialize_entry("label", label)?;
        }
        map.end()
    }
}
