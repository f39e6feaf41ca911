//! The fields of a tabular ensemble: read as those of any model, and handed to each member as far as
//! it has them.

use model_package::{Field, FieldRole, Limits, Manifest};
use serde_json::{Map, Value};

use crate::instance::{self, Defaults, FieldValue, Reader};
use crate::{Error, Instance};

/// What is needed to read instances.
#[derive(Debug)]
pub(super) struct Fields {
    defaults: Defaults,
    /// For each member, the places of the ensemble's fields that it has.
    places: Vec<Vec<usize>>,
}

/// What is known of an instance besides what the members are given.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) id: Option<String>,
    pub(super) warnings: Vec<String>,
}

/// Instances that passed every check of the ensemble itself.
pub(super) struct Prepared {
    /// What is known of each instance, or what is wrong with it.
    pub(super) about: Vec<Result<About, Error>>,
    /// For each member, what it is given of those with which nothing is wrong.
    pub(super) given: Vec<Vec<Instance>>,
}

impl Fields {
    pub(super) fn load<'a>(
        manifest: &Manifest,
        members: impl Iterator<Item = &'a Manifest>,
    ) -> Result<Self, Error> {
        let places = members.map(|member| {
            let known = |field: &Field| member.input.fields.iter().any(|it| it.name == field.name);
            let fields = manifest.input.fields.iter().enumerate();
            fields.filter(|(_, field)| known(field)).map(|(place, _)| place).collect()
        });
        Ok(Self { defaults: instance::defaults(manifest)?, places: places.collect() })
    }

    /// Reads instances by the ensemble's own fields.
    pub(super) fn prepare(
        &self,
        instances: &[Instance],
        manifest: &Manifest,
        limits: &Limits,
    ) -> Prepared {
        let fields = manifest.input.fields.as_slice();
        let mut given: Vec<Vec<Instance>> = self.places.iter().map(|_| Vec::new()).collect();
        let mut reader = Reader::new(manifest, limits, &self.defaults);
        let read = |instance| {
            let warnings = reader.read(instance)?;
            let id = fields.iter().zip(reader.values()).find_map(id_of);
            let values = values(instance, limits)?;
            for (places, given) in self.places.iter().zip(&mut given) {
                given.push(part(fields, places, &values));
            }
            Ok(About { id, warnings })
        };
        let about = instances.iter().map(read).collect();
        Prepared { about, given }
    }
}

fn id_of((field, value): (&Field, &FieldValue<'_>)) -> Option<String> {
    match (field.role, value) {
        (Some(FieldRole::Id), FieldValue::Text(text)) => Some(text.to_string()),
        _ => None,
    }
}

/// The values of an instance as they were given.
fn values(instance: &Instance, limits: &Limits) -> Result<Map<String, Value>, Error> {
    match instance {
        Instance::Json(text) => instance::object(text, limits.json_bytes),
        Instance::Text(_) | Instance::Image(_) => Ok(Map::new()),
    }
}

/// What a member is given: its fields with the values of the instance, and where there is none with
/// the ensemble's default. For what is then still absent the member has its own.
fn part(fields: &[Field], places: &[usize], values: &Map<String, Value>) -> Instance {
    let fields = places.iter().filter_map(|place| fields.get(*place));
    let given = fields.filter_map(|field| {
        let value = values.get(&field.name).filter(|value| !value.is_null());
        Some((field.name.clone(), value.or(field.default.as_ref())?.clone()))
    });
    Instance::Json(Value::Object(given.collect()).to_string())
}
