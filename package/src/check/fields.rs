//! The rules for the fields of an instance.

use super::{Checked, fail, names};
use crate::{Field, FieldRole, FieldType, Limits};

/// Beyond 2^53, binary64 does not hold every integer.
const LARGEST_INTEGER: u64 = 1 << 53;

/// Checks the list of fields: names, bounds, defaults and the id.
pub(super) fn check(fields: &[Field], limits: &Limits) -> Checked {
    let all = fields.iter().map(|f| f.name.as_str());
    names(|i| format!("input.fields[{i}].name"), all, limits.fields, limits)?;
    for (index, field) in fields.iter().enumerate() {
        field_bounds(index, field, limits)?;
        if let Some(default) = &field.default {
            default_fits(index, field, default)?;
        }
    }
    let mut ids = fields.iter().enumerate().filter(|(_, f)| f.role == Some(FieldRole::Id));
    if let Some((index, id)) = ids.next()
        && id.kind != FieldType::String
    {
        return fail(format!("input.fields[{index}].type"), "a field of role id is of type string");
    }
    match ids.next() {
        Some((index, _)) => fail(format!("input.fields[{index}].role"), "a second id field"),
        None => Ok(()),
    }
}

fn field_bounds(index: usize, field: &Field, limits: &Limits) -> Checked {
    let at = |key: &str| format!("input.fields[{index}].{key}");
    let kind = field.kind.name();
    let ranged = matches!(field.kind, FieldType::Number | FieldType::Integer);
    for (key, there) in [
        ("min", field.min.is_some()),
        ("max", field.max.is_some()),
        ("training_range", field.training_range.is_some()),
    ] {
        if there && !ranged {
            return fail(at(key), format!("a {kind} has no {key}"));
        }
    }
    if let (Some(min), Some(max)) = (field.min, field.max)
        && min > max
    {
        return fail(at("max"), format!("{max} is below min, {min}"));
    }
    if let Some([low, high]) = field.training_range
        && low > high
    {
        return fail(at("training_range"), format!("{low} is above {high}"));
    }
    if field.max_length.is_some() && field.kind != FieldType::String {
        return fail(at("max_length"), format!("a {kind} has no max_length"));
    }
    if field.nullable && field.kind != FieldType::Number {
        return fail(at("nullable"), format!("a {kind} can't be NaN; give it a default"));
    }
    if field.nullable && field.default.is_some() {
        return fail(at("nullable"), "the field has a default for what is absent");
    }
    match (field.kind, field.values.is_empty()) {
        (FieldType::Category, true) => fail(at("values"), "a category needs at least one value"),
        (FieldType::Category, false) => {
            let values = field.values.iter().map(String::as_str);
            names(|i| at(&format!("values[{i}]")), values, limits.entries, limits)
        }
        (_, false) => fail(at("values"), format!("a {kind} has no values")),
        (_, true) => Ok(()),
    }
}

/// A default must be what an instance could say, too.
fn default_fits(index: usize, field: &Field, default: &serde_json::Value) -> Checked {
    let fits = match field.kind {
        FieldType::Number => default.is_number(),
        FieldType::Integer => {
            default.as_i64().is_some_and(|whole| whole.unsigned_abs() <= LARGEST_INTEGER)
        }
        FieldType::Boolean => default.is_boolean(),
        FieldType::String => default.as_str().is_some_and(|text| {
            field.max_length.is_none_or(|longest| text.len() as u64 <= u64::from(longest))
        }),
        // Parsed by the reader of instances; here it is only text.
        FieldType::Timestamp => default.is_string(),
        FieldType::Category => {
            default.as_str().is_some_and(|text| field.values.iter().any(|value| value == text))
        }
    };
    let in_range = default.as_f64().is_none_or(|value| {
        field.min.is_none_or(|min| value >= min) && field.max.is_none_or(|max| value <= max)
    });
    if fits && in_range {
        return Ok(());
    }
    fail(
        format!("input.fields[{index}].default"),
        format!("{default} is not a value that this {} field accepts", field.kind.name()),
    )
}
