//! The rules for features: each refers to fields and earlier features of the right type only.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, fail, names};
use crate::{Feature, FeatureOp, Field, FieldType, Limits, Manifest};

/// Checks the list of features in order of computation.
pub(super) fn check(manifest: &Manifest, limits: &Limits) -> Checked {
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
                    let accepted = field.values.iter().take(30).map(String::as_str);
                    let accepted = accepted.collect::<Vec<_>>().join(", ");
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
