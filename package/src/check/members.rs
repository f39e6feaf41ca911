//! The rules that relate an ensemble to its members.

use super::{Checked, fail};
use crate::{Ensemble, Field, FieldRole, FieldType, Manifest, Modality, Task};

/// Checks that the members, and the stacker behind them, fit the ensemble. They are in the order of
/// [`Ensemble::packages`].
pub(crate) fn check(manifest: &Manifest, ensemble: &Ensemble, packages: &[&Manifest]) -> Checked {
    for (index, package) in packages.iter().enumerate() {
        let stacks = index >= ensemble.members.len();
        let at =
            if stacks { "ensemble.stacker".into() } else { format!("ensemble.members[{index}]") };
        if stacks {
            stacker(manifest, ensemble, package, &at)?;
        } else {
            member(manifest, package, &at)?;
        }
    }
    for (index, field) in manifest.input.fields.iter().enumerate() {
        let known = packages
            .iter()
            .take(ensemble.members.len())
            .any(|member| member.input.fields.iter().any(|it| it.name == field.name));
        if !known && field.role != Some(FieldRole::Id) {
            let message = format!("no member has the field {:?}", field.name);
            return fail(format!("input.fields[{index}].name"), message);
        }
    }
    Ok(())
}

/// The same labels, in any order.
fn labels(manifest: &Manifest, package: &Manifest, at: &str) -> Checked {
    let (expected, found) = (&manifest.output.labels, &package.output.labels);
    if expected.len() == found.len() && expected.iter().all(|label| found.contains(label)) {
        return Ok(());
    }
    let list = |labels: &[String]| {
        let shown: Vec<_> = labels.iter().take(20).map(String::as_str).collect();
        if shown.is_empty() { "none".into() } else { shown.join(", ") }
    };
    let (expected, found) = (list(expected), list(found));
    fail(at, format!("has the labels {found}; those of the ensemble are {expected}"))
}

fn member(manifest: &Manifest, member: &Manifest, at: &str) -> Checked {
    if member.task != manifest.task {
        let (found, expected) = (member.task.name(), manifest.task.name());
        return fail(at, format!("has the task {found}; that of the ensemble is {expected}"));
    }
    labels(manifest, member, at)?;
    for theirs in &member.input.fields {
        let name = &theirs.name;
        match manifest.input.fields.iter().find(|field| field.name == *name) {
            Some(ours) if !gives(ours, theirs) => {
                let (found, expected) = (theirs.kind.name(), ours.kind.name());
                let message = format!("has {name:?} as a {found}, the ensemble as a {expected}");
                return fail(at, message);
            }
            Some(ours) if theirs.sensitive && !ours.sensitive => {
                let message = format!("has {name:?} as sensitive, so the ensemble has to as well");
                return fail(at, message);
            }
            Some(_) => {}
            None if theirs.default.is_some() || theirs.nullable => {}
            None => {
                let message = format!("needs the field {name:?}, which the ensemble does not have");
                return fail(at, message);
            }
        }
    }
    Ok(())
}

/// Whether every value of the one type is one of the other.
fn gives(ours: &Field, theirs: &Field) -> bool {
    let whole = ours.kind == FieldType::Integer && theirs.kind == FieldType::Number;
    ours.kind == theirs.kind || whole
}

/// The stacker takes numbers, each an answer of a member.
fn stacker(manifest: &Manifest, ensemble: &Ensemble, stacker: &Manifest, at: &str) -> Checked {
    let regression = manifest.task == Task::TabularRegression;
    let expected = if regression { Task::TabularRegression } else { Task::TabularClassification };
    if stacker.task != expected || stacker.task.modality() != Modality::Tabular {
        let (found, expected) = (stacker.task.name(), expected.name());
        return fail(at, format!("has the task {found}; expected {expected}"));
    }
    labels(manifest, stacker, at)?;
    for Field { name, kind, .. } in &stacker.input.fields {
        if ensemble.stacker_field(&manifest.output.labels, name).is_none() {
            let message = format!(
                "has the field {name:?}; expected the name of a member for its score, or MEMBER.LABEL \
                 for a probability"
            );
            return fail(at, message);
        }
        if *kind != FieldType::Number {
            return fail(at, format!("has {name:?} as a {}, expected a number", kind.name()));
        }
    }
    Ok(())
}
