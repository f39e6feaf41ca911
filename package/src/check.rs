//! The rules of the format that types can't express. Each failure names the key in the manifest.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Decision, FORMAT, Feature, FeatureOp, Field, FieldRole, FieldType, Limits, MANIFEST, Manifest,
    OutputSpec, PackageError, Role, Task,
};

type Checked = Result<(), PackageError>;

/// Checks a whole manifest.
pub(crate) fn manifest(manifest: &Manifest, limits: &Limits) -> Checked {
    if manifest.format != FORMAT {
        return Err(PackageError::Format { found: manifest.format.chars().take(80).collect() });
    }
    model_name(&manifest.name)?;
    model_version(&manifest.version)?;
    files(manifest, limits)?;
    fields(&manifest.input.fields, limits)?;
    features(manifest, limits)?;
    graph(manifest)?;
    output(manifest.task, &manifest.output, limits)?;
    if let Some(score) = &manifest.output.score
        && manifest.id_field().is_some_and(|id| id.name == score.name)
    {
        return fail("output.score.name", "is also the name of the id field");
    }
    manifest.decision.as_ref().map_or(Ok(()), |d| decision(d, limits))
}

/// A path is relative, in one spelling only, and stays inside the package.
pub(crate) fn path(path: &str, limits: &Limits) -> Checked {
    let bad_part = |part: &str| part.is_empty() || part == "." || part == "..";
    let bad_char = |c: char| c.is_control() || matches!(c, '\\' | ':');
    if path.len() > limits.name_bytes || path.contains(bad_char) || path.split('/').any(bad_part) {
        return Err(PackageError::Path { path: path.chars().take(120).collect() });
    }
    Ok(())
}

fn fail(field: impl Into<String>, message: impl Into<String>) -> Checked {
    Err(PackageError::Value { file: MANIFEST.into(), field: field.into(), message: message.into() })
}

fn model_name(name: &str) -> Checked {
    let good = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if good {
        return Ok(());
    }
    let found = name.chars().take(80).collect::<String>();
    fail(
        "name",
        format!(
            "expected up to 64 lower-case letters, digits and hyphens, beginning with a letter, found {found:?}"
        ),
    )
}

fn model_version(version: &str) -> Checked {
    let (release, pre) = version.split_once('-').map_or((version, None), |(r, p)| (r, Some(p)));
    let number = |part: &str| {
        !part.is_empty()
            && part.len() <= 9
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let label = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let good = version.len() <= 64
        && release.split('.').count() == 3
        && release.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(label));
    if good {
        return Ok(());
    }
    let found = version.chars().take(80).collect::<String>();
    fail(
        "version",
        format!("expected MAJOR.MINOR.PATCH, as in 1.4.0 or 2.0.0-rc.1, found {found:?}"),
    )
}

/// A list of names: each short, not empty, and there once.
fn names<'a>(
    at: impl Fn(usize) -> String,
    names: impl Iterator<Item = &'a str>,
    limit: usize,
    limits: &Limits,
) -> Checked {
    let mut seen = BTreeMap::new();
    for (index, name) in names.enumerate() {
        if index >= limit {
            return fail(at(index), format!("more than {limit} entries"));
        }
        if name.is_empty() || name.len() > limits.name_bytes {
            let limit = limits.name_bytes;
            return fail(at(index), format!("expected 1 to {limit} bytes, found {}", name.len()));
        }
        if let Some(first) = seen.insert(name, index) {
            return fail(at(index), format!("{name:?} is there already, at index {first}"));
        }
    }
    Ok(())
}

fn files(manifest: &Manifest, limits: &Limits) -> Checked {
    let files = &manifest.files;
    if files.len() >= limits.files {
        return Err(PackageError::TooManyFiles { limit: limits.files });
    }
    let mut total = 0_u64;
    for (index, file) in files.iter().enumerate() {
        path(&file.path, limits)?;
        if file.path == MANIFEST {
            return fail(format!("files[{index}].path"), "the manifest does not list itself");
        }
        total = total.saturating_add(file.size);
        if file.size > limits.file_bytes {
            let (found, limit) = (file.size, limits.file_bytes);
            return Err(PackageError::TooLarge { file: file.path.clone(), found, limit });
        }
    }
    if total > limits.package_bytes {
        let (found, limit) = (total, limits.package_bytes);
        return Err(PackageError::TooLarge { file: "the package".into(), found, limit });
    }
    names(
        |i| format!("files[{i}].path"),
        files.iter().map(|f| f.path.as_str()),
        limits.files,
        limits,
    )?;
    let with = |role| files.iter().filter(move |f| f.role == role).count();
    if with(Role::Graph) != 1 {
        return fail(
            "files",
            format!("expected one file of role graph, found {}", with(Role::Graph)),
        );
    }
    if with(Role::ReferenceCases) > 1 {
        return fail("files", "more than one file of role reference-cases");
    }
    Ok(())
}

fn fields(fields: &[Field], limits: &Limits) -> Checked {
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
        FieldType::Integer => default.is_i64(),
        FieldType::Boolean => default.is_boolean(),
        // A timestamp's default is parsed by the reader of instances; here it is only text.
        FieldType::String | FieldType::Timestamp => default.is_string(),
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

fn features(manifest: &Manifest, limits: &Limits) -> Checked {
    let names_of = manifest.features.iter().map(|f| f.name.as_str());
    names(|i| format!("features[{i}].name"), names_of, limits.features, limits)?;
    let mut scope = Scope {
        fields: manifest.input.fields.iter().map(|f| (f.name.as_str(), f)).collect(),
        features: BTreeSet::new(),
    };
    for (index, feature) in manifest.features.iter().enumerate() {
        if scope.fields.contains_key(feature.name.as_str()) && !is_plain_value(feature) {
            let message = format!("{:?} is already the name of an input field", feature.name);
            return fail(format!("features[{index}].name"), message);
        }
        scope.check(index, &feature.op)?;
        scope.features.insert(&feature.name);
    }
    Ok(())
}

/// `{"name": X, "op": "value", "of": X}`: the name stays unambiguous, since both mean one number.
fn is_plain_value(feature: &Feature) -> bool {
    matches!(&feature.op, FeatureOp::Value { of } if *of == feature.name)
}

/// What a feature may refer to.
struct Scope<'a> {
    fields: BTreeMap<&'a str, &'a Field>,
    features: BTreeSet<&'a str>,
}

impl Scope<'_> {
    fn check(&self, index: usize, op: &FeatureOp) -> Checked {
        let at = |key: &str| format!("features[{index}].{key}");
        match op {
            FeatureOp::Value { of } | FeatureOp::Log1p { of } => self.number(at("of"), of),
            FeatureOp::Ratio { of, to, plus: _, otherwise: _ } => {
                self.number(at("of"), of)?;
                self.number(at("to"), to)
            }
            FeatureOp::Difference { of, minus } => {
                self.number(at("of"), of)?;
                self.number(at("minus"), minus)
            }
            FeatureOp::Product { of, by } => {
                self.number(at("of"), of)?;
                self.number(at("by"), by)
            }
            FeatureOp::Clip { of, min, max } => {
                self.number(at("of"), of)?;
                if min > max {
                    return fail(at("max"), format!("{max} is below min, {min}"));
                }
                Ok(())
            }
            FeatureOp::Hour { of } | FeatureOp::Weekday { of } | FeatureOp::Weekend { of } => {
                self.typed(at("of"), of, &[FieldType::Timestamp])
            }
            FeatureOp::HourBetween { of, from, until } => {
                self.typed(at("of"), of, &[FieldType::Timestamp])?;
                for (key, hour) in [("from", from), ("until", until)] {
                    if !(0.0..=24.0).contains(hour) {
                        return fail(
                            at(key),
                            format!("expected an hour from 0 to 24, found {hour}"),
                        );
                    }
                }
                Ok(())
            }
            FeatureOp::Is { of, value } => {
                self.typed(at("of"), of, &[FieldType::String, FieldType::Category])?;
                let field = self.fields.get(of.as_str());
                if let Some(field) = field.filter(|f| f.kind == FieldType::Category)
                    && !field.values.contains(value)
                {
                    let accepted = field.values.join(", ");
                    return fail(
                        at("value"),
                        format!("{value:?} is not a value of {of}: {accepted}"),
                    );
                }
                Ok(())
            }
            FeatureOp::Same { of, r#as } => {
                self.typed(at("of"), of, &[FieldType::String, FieldType::Category])?;
                self.typed(at("as"), r#as, &[FieldType::String, FieldType::Category])
            }
            FeatureOp::Code { of } => self.typed(at("of"), of, &[FieldType::Category]),
        }
    }

    fn number(&self, at: String, name: &str) -> Checked {
        if self.features.contains(name) {
            return Ok(());
        }
        match self.fields.get(name) {
            Some(field) if field.kind.is_numeric() => Ok(()),
            Some(field) => fail(at, format!("{name:?} is a {}, not a number", field.kind.name())),
            None => fail(at, format!("{name:?} is neither an input field nor an earlier feature")),
        }
    }

    fn typed(&self, at: String, name: &str, accepted: &[FieldType]) -> Checked {
        match self.fields.get(name) {
            Some(field) if accepted.contains(&field.kind) => Ok(()),
            Some(field) => {
                let accepted: Vec<_> = accepted.iter().map(|kind| kind.name()).collect();
                let (found, accepted) = (field.kind.name(), accepted.join(" or "));
                fail(at, format!("{name:?} is a {found}, expected a {accepted} field"))
            }
            None => fail(at, format!("{name:?} is not an input field")),
        }
    }
}

fn graph(manifest: &Manifest) -> Checked {
    match manifest.graph.inputs.len() {
        1 if manifest.graph_features().next().is_some() => Ok(()),
        1 => fail("features", "no feature enters the graph"),
        found => fail("graph.inputs", format!("expected one input, found {found}")),
    }
}

fn output(task: Task, output: &OutputSpec, limits: &Limits) -> Checked {
    let labels = output.labels.iter().map(String::as_str);
    names(|i| format!("output.labels[{i}]"), labels, limits.entries, limits)?;
    match task {
        Task::TabularClassification => {
            if output.labels.len() < 2 {
                return fail("output.labels", "a classification needs at least two labels");
            }
            if output.probabilities.is_none() {
                return fail("output.probabilities", "a classification names its output here");
            }
            if output.value.is_some() {
                return fail("output.value", "a classification has no value");
            }
        }
        Task::TabularRegression => {
            if output.value.is_none() {
                return fail("output.value", "a regression names its output here");
            }
            if output.probabilities.is_some() || !output.labels.is_empty() {
                return fail("output", "a regression has neither labels nor probabilities");
            }
        }
    }
    let Some(score) = &output.score else {
        return Ok(());
    };
    // The keys that a prediction has of its own.
    if ["", "label", "action", "probabilities", "warnings"].contains(&score.name.as_str()) {
        return fail("output.score.name", format!("{:?} can't name a score", score.name));
    }
    match (task, &score.label) {
        (Task::TabularClassification, Some(label)) if output.labels.contains(label) => Ok(()),
        (Task::TabularClassification, Some(label)) => {
            fail("output.score.label", format!("{label:?} is not among the labels"))
        }
        (Task::TabularClassification, None) => {
            fail("output.score.label", "missing: whose probability is the score")
        }
        (Task::TabularRegression, Some(_)) => {
            fail("output.score.label", "a regression has no labels")
        }
        (Task::TabularRegression, None) => Ok(()),
    }
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
