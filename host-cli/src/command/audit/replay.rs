//! `audit replay`: what records say was decided, decided again and compared bit by bit.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use decision_audit::{Decision, Outcome as Recorded, Predicted};
use model_package::{Digest, FeatureOp, Field, FieldRole, Manifest, Modality};
use predictor_host::{Instance, Predictor, recorded};
use serde::Serialize;
use serde_json::{Map, Value};

use super::record::{Problem, Problems, Records};
use super::source::Place;
use crate::args::{AuditReplay, Settings};
use crate::embedded;
use crate::failure::{self, CHECK_FAILED};
use crate::model::Model;
use crate::runtime;

/// Records that are decided in one call.
const BATCH: usize = 1_000;

/// Why a record was not decided again, or nothing follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Left {
    /// The record has no input: of texts and pictures, long ones, and with `SAMEBITS_AUDIT=decisions`.
    NoInput,
    /// What was asked was refused, and keys that are no field are not in records.
    Refused,
    /// The model is another one.
    AnotherModel,
    /// Another answer, or none, which may come of what is not shown.
    Hidden,
}

impl Left {
    fn says(self) -> &'static str {
        match self {
            Self::NoInput => "no input in the record (of texts, pictures and long inputs)",
            Self::Refused => "the input was refused",
            Self::AnotherModel => "another package decided; name it with --model",
            Self::Hidden => "a value that the model looks at is masked, hashed or dropped",
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    records: u64,
    same: u64,
    different: u64,
    differences: &'a [Problem],
    not_decided_again: &'a BTreeMap<Left, u64>,
    /// Components of records that were decided again by another one.
    other_components: &'a BTreeMap<String, u64>,
    wrong: u64,
    problems: &'a [Problem],
}

/// A model that decides again.
struct Again {
    predictor: Predictor,
    manifest: Manifest,
    component: Digest,
    waiting: Vec<(Place, Decision<'static>)>,
}

/// What came of it so far.
#[derive(Default)]
struct Replay {
    models: BTreeMap<String, Again>,
    same: u64,
    differences: Problems,
    left: BTreeMap<Left, u64>,
    other_components: BTreeMap<String, u64>,
}

pub(super) fn run(settings: &Settings, arguments: &AuditReplay) -> Result<ExitCode> {
    let mut replay = Replay::default();
    // Those whose inputs are in records.
    let tabular = |name: &&str| {
        embedded::manifest(name).is_some_and(|it| it.task.modality() == Modality::Tabular)
    };
    let names: Vec<String> = match arguments.model.as_slice() {
        [] => embedded::model_names().filter(tabular).map(str::to_owned).collect(),
        named => named.to_vec(),
    };
    for name in &names {
        let predictor = runtime::load(settings, &Model::of(settings, name)?)?;
        let again = Again {
            manifest: predictor.manifest()?,
            component: predictor.component().digest(),
            predictor,
            waiting: Vec::new(),
        };
        replay.models.insert(again.predictor.description().package.clone(), again);
    }
    let records =
        Records::of(&arguments.paths, |place, record| replay.add(place, record.decision))?;
    replay.finish();
    let report = Report {
        records: records.sound,
        same: replay.same,
        different: replay.differences.count,
        differences: &replay.differences.first,
        not_decided_again: &replay.left,
        other_components: &replay.other_components,
        wrong: records.problems.count,
        problems: &records.problems.first,
    };
    let mut out = io::stdout().lock();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        false => {
            let wrong = records.problems.text() + &replay.differences.text();
            write!(out, "{wrong}{}", people(&report))?;
        }
    }
    if report.different == 0 && report.same == 0 {
        failure::say("nothing could be decided again, so nothing is known of the decisions");
        return Ok(ExitCode::from(CHECK_FAILED));
    }
    let sound = report.wrong == 0 && report.different == 0;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(CHECK_FAILED) })
}

impl Replay {
    /// Lets a decision wait for the next call of its model, or leaves it out.
    fn add(&mut self, place: &Place, decision: Decision<'static>) {
        match (&decision.outcome, &decision.input) {
            (Recorded::Error(_), _) => return self.leave(Left::Refused),
            (Recorded::Prediction(_), Some(Value::Object(_))) => {}
            (Recorded::Prediction(_), _) => return self.leave(Left::NoInput),
        }
        let Some(again) = self.models.get_mut(&decision.model.package.to_string()) else {
            return self.leave(Left::AnotherModel);
        };
        if again.manifest.input.fields.is_empty() {
            return self.leave(Left::NoInput);
        }
        again.waiting.push((place.clone(), decision));
        if again.waiting.len() == BATCH {
            let told = again.decide();
            self.take(told);
        }
    }

    fn finish(&mut self) {
        let told: Vec<_> = self.models.values_mut().map(Again::decide).collect();
        told.into_iter().for_each(|told| self.take(told));
    }

    fn leave(&mut self, why: Left) {
        *self.left.entry(why).or_default() += 1;
    }

    fn take(&mut self, told: Vec<Told>) {
        for Told { place, component, verdict } in told {
            if let Some(component) = component {
                *self.other_components.entry(component.to_string()).or_default() += 1;
            }
            match verdict {
                Verdict::Same => self.same += 1,
                Verdict::Different(message) => self.differences.tell(&place, message),
                Verdict::Nothing => self.leave(Left::Hidden),
            }
        }
    }
}

/// What came of deciding again.
struct Told {
    place: Place,
    /// The record's component, if it was another one.
    component: Option<Digest>,
    verdict: Verdict,
}

/// What follows from a decision that was made again.
enum Verdict {
    /// Every bit is the same.
    Same,
    /// What differs.
    Different(String),
    /// Nothing, since values are hidden.
    Nothing,
}

impl Again {
    /// Decides all that wait.
    fn decide(&mut self) -> Vec<Told> {
        let waiting = std::mem::take(&mut self.waiting);
        let inputs = waiting.iter().filter_map(|(_, decision)| decision.input.as_ref());
        let instances: Vec<_> = inputs.map(|input| Instance::Json(input.to_string())).collect();
        let outcomes = self.predictor.predict_each(&instances);
        let told = waiting.into_iter().zip(outcomes).map(|((place, decision), outcome)| {
            let model = &decision.model;
            let verdict = match (&decision.outcome, recorded(&outcome)) {
                (Recorded::Prediction(then), Recorded::Prediction(now)) => {
                    match difference(then, &now) {
                        None => Verdict::Same,
                        Some(_) if self.hides(&decision) => Verdict::Nothing,
                        Some(found) => {
                            Verdict::Different(format!("{} {}: {found}", model.name, model.version))
                        }
                    }
                }
                // As a whole it was not refused.
                _ => Verdict::Nothing,
            };
            let component = Some(model.component).filter(|found| *found != self.component);
            Told { place, component, verdict }
        });
        told.collect()
    }

    /// Whether a value that the model looks at is not as it was asked about.
    fn hides(&self, decision: &Decision<'_>) -> bool {
        let empty = Map::new();
        let input = decision.input.as_ref().and_then(Value::as_object).unwrap_or(&empty);
        let mut fields = self.manifest.input.fields.iter();
        fields.any(|field| {
            let hidden = match input.get(&field.name) {
                Some(Value::String(text)) => text == "***" || text.starts_with("hmac-sha256:"),
                Some(_) => false,
                None => field.sensitive,
            };
            hidden && looks_at(&self.manifest, field)
        })
    }
}

/// Whether a field's value reaches the graph: that of a feature does, and where there are none, every
/// one but an id.
fn looks_at(manifest: &Manifest, field: &Field) -> bool {
    let Field { name, role, .. } = field;
    if manifest.features.is_empty() {
        return *role != Some(FieldRole::Id);
    }
    manifest.features.iter().any(|feature| match &feature.op {
        FeatureOp::Value { of }
        | FeatureOp::Log1p { of }
        | FeatureOp::Clip { of, .. }
        | FeatureOp::Hour { of }
        | FeatureOp::Weekday { of }
        | FeatureOp::Weekend { of }
        | FeatureOp::HourBetween { of, .. }
        | FeatureOp::Is { of, .. }
        | FeatureOp::Code { of } => of == name,
        FeatureOp::Ratio { of, to: other, .. }
        | FeatureOp::Difference { of, minus: other }
        | FeatureOp::Product { of, by: other }
        | FeatureOp::Same { of, r#as: other } => of == name || other == name,
    })
}

/// What differs between two predictions, if anything does.
fn difference(then: &Predicted<'_>, now: &Predicted<'_>) -> Option<String> {
    let pairs = [
        ("score", then.score.as_deref(), now.score.as_deref()),
        ("action", then.action.as_deref(), now.action.as_deref()),
        ("label", then.label.as_deref(), now.label.as_deref()),
    ];
    let shown = |value: Option<&str>| value.unwrap_or("nothing").to_owned();
    let parts = pairs.into_iter().filter(|(_, then, now)| then != now);
    let parts =
        parts.map(|(name, then, now)| format!("{name} {}, now {}", shown(then), shown(now)));
    let mut parts: Vec<_> = parts.collect();
    if parts.is_empty() && then.outputs != now.outputs {
        parts.push("the bits of its outputs".into());
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn people(report: &Report<'_>) -> String {
    let mut text = String::new();
    for (component, count) in report.other_components {
        text += &format!("{count} decided by another component, {component}\n");
    }
    for (why, count) in report.not_decided_again {
        text += &format!("{count} not decided again: {}\n", why.says());
    }
    let different = match report.different {
        0 => String::new(),
        count => format!(", {count} with others"),
    };
    let Report { records, same, .. } = report;
    text + &format!("{records} records: {same} decided again with the same bits{different}\n")
}
