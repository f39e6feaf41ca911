//! The fields of an ensemble of tables: those of its members, each once.
//!
//! A value has to be good for every member that takes it, so where members differ, the ensemble
//! accepts what all of them accept. What was seen in training is left to the members, whose warnings
//! name them.

use anyhow::Result;
use model_package::{Field, FieldType};

use super::part::Part;
use crate::failure::ModelError;

/// All fields, in the order in which members first have them.
pub(super) fn union(members: &[Part], notes: &mut Vec<String>) -> Result<Vec<Field>> {
    let mut union: Vec<Field> = Vec::new();
    for part in members {
        for field in &part.manifest.input.fields {
            match union.iter_mut().find(|known| known.name == field.name) {
                Some(known) => merge(known, field, &part.name, notes)?,
                None => union.push(Field { training_range: None, ..field.clone() }),
            }
        }
    }
    let mut named = false;
    for field in union.iter_mut().filter(|field| field.role.is_some()) {
        if std::mem::replace(&mut named, true) {
            field.role = None;
            let name = &field.name;
            notes.push(format!("a prediction repeats the first field of role id, not {name:?}"));
        }
    }
    Ok(union)
}

fn merge(ours: &mut Field, theirs: &Field, member: &str, notes: &mut Vec<String>) -> Result<()> {
    let name = ours.name.clone();
    ours.kind = match (ours.kind, theirs.kind) {
        (a, b) if a == b => a,
        (FieldType::Integer, FieldType::Number) | (FieldType::Number, FieldType::Integer) => {
            FieldType::Integer
        }
        (a, b) => {
            let (a, b) = (a.name(), b.name());
            let message = format!("{member} has the field {name:?} as a {b}, another as a {a}");
            return Err(ModelError(message).into());
        }
    };
    ours.role = ours.role.or(theirs.role);
    ours.min = tighter(ours.min, theirs.min, f64::max);
    ours.max = tighter(ours.max, theirs.max, f64::min);
    ours.max_length = tighter(ours.max_length, theirs.max_length, u32::min);
    let values = ours.values.len();
    ours.values.retain(|value| theirs.values.contains(value));
    if ours.values.len() < values || ours.values.len() < theirs.values.len() {
        notes.push(format!("{name}: only the values that all members have are accepted"));
    }
    if ours.kind == FieldType::Category && ours.values.is_empty() {
        let message = format!("{name}: there is no value that all members accept");
        return Err(ModelError(message).into());
    }
    if ours.default != theirs.default {
        if ours.default.is_some() && theirs.default.is_some() {
            notes.push(format!("{name}: required, since the members have different defaults"));
        }
        ours.default = None;
    }
    ours.nullable &= theirs.nullable;
    ours.sensitive |= theirs.sensitive;
    Ok(())
}

fn tighter<T>(a: Option<T>, b: Option<T>, choose: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (a, b) => a.or(b),
    }
}
