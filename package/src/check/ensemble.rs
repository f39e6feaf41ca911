//! The rules for an ensemble's own manifest: what it has in the place of a graph.

use super::{Checked, fail, model_name, names};
use crate::ensemble::FOLDER;
use crate::{Combine, Ensemble, FieldRole, Limits, MANIFEST, Manifest, Modality, Role, Task};

/// The key of a prediction under which the members' answers are.
const MEMBERS: &str = "members";

/// Checks members, weights, files, and that there is nothing that belongs to a graph.
pub(super) fn check(manifest: &Manifest, ensemble: &Ensemble, limits: &Limits) -> Checked {
    let task = manifest.task;
    let combines = matches!(
        task,
        Task::TabularClassification
            | Task::TabularRegression
            | Task::ImageClassification
            | Task::TextClassification
    );
    if !combines {
        let message = format!("there are no ensembles of a {}", task.name());
        return fail("task", message);
    }
    if ensemble.combine == Combine::Vote && task == Task::TabularRegression {
        return fail("ensemble.combine", "a regression has no labels to vote for");
    }
    members(ensemble, limits)?;
    weights(ensemble)?;
    files(manifest, ensemble)?;
    foreign(manifest)?;
    taken(manifest)
}

fn members(ensemble: &Ensemble, limits: &Limits) -> Checked {
    let count = ensemble.members.len();
    if count < 2 {
        return fail("ensemble.members", format!("expected at least two, found {count}"));
    }
    let at = |index: usize| match ensemble.members.get(index) {
        Some(_) => format!("ensemble.members[{index}].name"),
        None => "ensemble.stacker".to_owned(),
    };
    for (index, name) in ensemble.packages().enumerate() {
        model_name(&at(index), name)?;
    }
    names(at, ensemble.packages(), limits.files, limits)?;
    match (ensemble.combine, &ensemble.stacker) {
        (Combine::Stacked, None) => {
            fail("ensemble.stacker", "missing: the name of the package that answers are given to")
        }
        (Combine::Stacked, Some(_)) | (_, None) => Ok(()),
        (combine, Some(_)) => fail("ensemble.stacker", format!("{} has none", combine.name())),
    }
}

fn weights(ensemble: &Ensemble) -> Checked {
    let mut sum = 0.0;
    for (index, member) in ensemble.members.iter().enumerate() {
        let at = format!("ensemble.members[{index}].weight");
        match (ensemble.combine, member.weight) {
            (Combine::Weighted, None) => return fail(at, "missing: how much the member counts"),
            (Combine::Weighted, Some(weight)) if !(weight.is_finite() && weight >= 0.0) => {
                return fail(at, format!("expected a number that is not negative, found {weight}"));
            }
            (Combine::Weighted, Some(weight)) => sum += weight,
            (_, None) => {}
            (combine, Some(_)) => return fail(at, format!("{} has none", combine.name())),
        }
    }
    if ensemble.combine == Combine::Weighted && !(sum > 0.0 && sum.is_finite()) {
        let message = format!("the weights have the sum {sum}, expected a finite one above 0");
        return fail("ensemble.members", message);
    }
    Ok(())
}

/// Every file is a member's, in its folder, or the ensemble's reference cases.
fn files(manifest: &Manifest, ensemble: &Ensemble) -> Checked {
    let folders: Vec<_> = ensemble.packages().map(Ensemble::folder).collect();
    for (index, file) in manifest.files.iter().enumerate() {
        let inside = folders.iter().any(|folder| file.path.starts_with(folder));
        match file.role {
            Role::Member if inside => {}
            Role::Member => {
                let message = format!("{:?} is in the folder of no member", file.path);
                return fail(format!("files[{index}].path"), message);
            }
            Role::ReferenceCases if !file.path.starts_with(FOLDER) => {}
            Role::ReferenceCases => {
                let message = "what lies with a member is of role member";
                return fail(format!("files[{index}].role"), message);
            }
            Role::Graph | Role::Tokenizer => {
                return fail(format!("files[{index}].role"), "an ensemble has members instead");
            }
        }
    }
    for folder in folders {
        let path = format!("{folder}{MANIFEST}");
        if !manifest.files.iter().any(|file| file.path == path) {
            return fail("files", format!("{path:?} is missing: the manifest of a member"));
        }
    }
    Ok(())
}

/// Keys that only a graph gives a meaning.
fn foreign(manifest: &Manifest) -> Checked {
    let input = &manifest.input;
    let tabular = manifest.task.modality() == Modality::Tabular;
    for (key, there) in [
        ("features", !manifest.features.is_empty()),
        ("graph.inputs", !manifest.graph.inputs.is_empty()),
        ("input.image", input.image.is_some()),
        ("input.text", input.text.is_some()),
        ("output.activation", manifest.output.activation.is_some()),
    ] {
        if there {
            return fail(key, "the members of an ensemble have it; leave it out here");
        }
    }
    match (tabular, input.fields.is_empty()) {
        (true, true) => fail("input.fields", "missing: the fields that the members are given"),
        (false, false) => fail("input.fields", format!("a {} has none", manifest.task.name())),
        _ => Ok(()),
    }
}

/// The members' answers stand beside score and id in a prediction.
fn taken(manifest: &Manifest) -> Checked {
    if manifest.output.score.as_ref().is_some_and(|score| score.name == MEMBERS) {
        let message = "\"members\" is a key that every prediction of an ensemble has";
        return fail("output.score.name", message);
    }
    let mut fields = manifest.input.fields.iter();
    let id = |field: &crate::Field| field.role == Some(FieldRole::Id) && field.name == MEMBERS;
    match fields.position(id) {
        Some(index) => {
            let message = "\"members\" can't name the id: a prediction has another such key";
            fail(format!("input.fields[{index}].name"), message)
        }
        None => Ok(()),
    }
}
