//! The rules for what the graph's outputs mean and for decisions.

use super::{Checked, fail, names, task};
use crate::{Decision, FieldRole, Limits, Manifest, OutputSpec, ScoreSpec, Task};

/// The keys that a prediction has of its own, besides the id and the score. Hosts add the last two.
const OWN_KEYS: [&str; 10] = [
    "label",
    "labels",
    "action",
    "probabilities",
    "entities",
    "detections",
    "embedding",
    "warnings",
    "provenance",
    "error",
];

/// Checks labels, score and decision.
pub(super) fn check(manifest: &Manifest, limits: &Limits) -> Checked {
    let output = &manifest.output;
    let labels = output.labels.iter().map(String::as_str);
    names(|i| format!("output.labels[{i}]"), labels, limits.entries, limits)?;
    task::check(manifest.task, output, limits)?;
    score(manifest.task, output, limits)?;
    id(manifest)?;
    deciles(manifest)?;
    let Some(rules) = &manifest.decision else { return Ok(()) };
    if !scores(manifest.task) {
        let message = format!("a {} has no score to decide on", manifest.task.name());
        return fail("decision", message);
    }
    decision(rules, limits)
}

/// Scores that data held back had, in order.
fn deciles(manifest: &Manifest) -> Checked {
    const KEY: &str = "training.score_deciles";
    let Some(deciles) = manifest.training.as_ref().and_then(|it| it.score_deciles) else {
        return Ok(());
    };
    if !scores(manifest.task) {
        return fail(KEY, format!("a {} has no score", manifest.task.name()));
    }
    match deciles.windows(2).find(|pair| pair.first() > pair.last()) {
        Some([before, after]) => {
            fail(KEY, format!("{after} comes after {before}, which is larger"))
        }
        _ => Ok(()),
    }
}

/// Whether a prediction has one number to decide on.
fn scores(task: Task) -> bool {
    !matches!(task, Task::TextEmbedding | Task::TokenClassification | Task::Tensors)
}

fn score(task: Task, output: &OutputSpec, limits: &Limits) -> Checked {
    let Some(ScoreSpec { name, label }) = &output.score else {
        return Ok(());
    };
    if name.is_empty() || name.len() > limits.name_bytes {
        let limit = limits.name_bytes;
        let message = format!("expected 1 to {limit} bytes, found {}", name.len());
        return fail("output.score.name", message);
    }
    if OWN_KEYS.contains(&name.as_str()) {
        let message = format!("{name:?} is a key that every prediction has");
        return fail("output.score.name", message);
    }
    let classifies = matches!(
        task,
        Task::TabularClassification | Task::ImageClassification | Task::TextClassification
    );
    match label {
        Some(label) if classifies && output.labels.contains(label) => Ok(()),
        Some(label) if classifies => {
            fail("output.score.label", format!("{label:?} is not among the labels"))
        }
        None if classifies => fail("output.score.label", "missing: whose probability is the score"),
        Some(_) if task == Task::TabularRegression => {
            fail("output.score.label", "a regression has no labels")
        }
        Some(_) => {
            fail("output.score.label", format!("the score of a {} is of no one label", task.name()))
        }
        None if !scores(task) => fail("output.score", format!("a {} has no score", task.name())),
        None => Ok(()),
    }
}

/// The id stands beside the score in a prediction, under the name of its field.
fn id(manifest: &Manifest) -> Checked {
    let mut fields = manifest.input.fields.iter().enumerate();
    let Some((index, id)) = fields.find(|(_, field)| field.role == Some(FieldRole::Id)) else {
        return Ok(());
    };
    let score = manifest.output.score.as_ref().map_or("score", |score| score.name.as_str());
    if id.name != score && !OWN_KEYS.contains(&id.name.as_str()) {
        return Ok(());
    }
    let message = format!("{:?} can't name the id: a prediction has another such key", id.name);
    fail(format!("input.fields[{index}].name"), message)
}

fn decision(decision: &Decision, limits: &Limits) -> Checked {
    if decision.rules.is_empty() || decision.rules.len() > limits.entries {
        let limit = limits.entries;
        return fail("decision.rules", format!("expected 1 to {limit} rules"));
    }
    let actions = decision.rules.iter().map(|rule| &rule.action).chain([&decision.otherwise]);
    if actions.into_iter().any(|a| a.is_empty() || a.len() > limits.name_bytes) {
        let limit = limits.name_bytes;
        return fail("decision", format!("an action is 1 to {limit} bytes long"));
    }
    let mut above = f64::INFINITY;
    for (index, rule) in decision.rules.iter().enumerate() {
        if rule.above >= above {
            let at = format!("decision.rules[{index}].above");
            return fail(
                at,
                format!(
                    "{} is not below the rule before it, {above}; the rule could never decide",
                    rule.above
                ),
            );
        }
        above = rule.above;
    }
    Ok(())
}
