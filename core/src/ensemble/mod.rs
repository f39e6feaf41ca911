//! Ensembles: the same instance given to several models, and their answers made one.
//!
//! Members are whole packages, each prepared as if it were alone. What they give is brought into the
//! order of the ensemble's labels and combined; [`combine`] has the arithmetic.

mod combine;
mod fields;

use std::borrow::Cow;
use std::collections::BTreeSet;

use model_package::{Combine, Limits, MANIFEST, Manifest, Package, StackerField, Task};
use serde_json::{Map, Value};

use crate::model::GraphFacts;
use crate::prediction::{self, Finding, Found, Opinion, activate, finite};
use crate::rows::no_row;
use crate::single::Single;
use crate::{ElementType, Error, ErrorKind, Instance, Prediction, Tensor, TensorType};

use fields::{About, Fields, Prepared};

/// A model that is made of others.
#[derive(Debug)]
pub(crate) struct Ensemble {
    manifest: Manifest,
    members: Vec<Member>,
    rule: Rule,
    /// Of a table.
    fields: Option<Fields>,
}

/// How the members' answers become one.
#[derive(Debug)]
enum Rule {
    Average,
    /// With the members' shares.
    Weighted(Vec<f64>),
    Vote,
    /// By another package, each of whose fields is filled with one of the answers.
    Stacked(Box<Member>, Vec<StackerField>),
}

/// A package inside the ensemble's.
#[derive(Debug)]
struct Member {
    name: String,
    model: Single,
    /// For each label of the ensemble, its place among the member's.
    places: Vec<usize>,
}

/// What a member gives for an instance.
struct Given {
    /// Probabilities in the order of the ensemble's labels; of a regression its value.
    values: Vec<f32>,
    outputs: Vec<Tensor>,
    warnings: Vec<String>,
}

/// What was given for an instance, and what was made of it.
struct Heard {
    members: Vec<Given>,
    combined: Given,
}

impl Ensemble {
    /// Prepares the members of a verified package.
    pub(crate) fn load(mut package: Package, limits: &Limits) -> Result<Self, Error> {
        let packages = package.take_members();
        let manifest = package.manifest().clone();
        let Some(spec) = &manifest.ensemble else {
            return Err(Error::model("invalid-manifest", "the package is no ensemble"));
        };
        let labels = &manifest.output.labels;
        let load = |(name, package)| Member::load(name, package, labels, limits);
        let mut members =
            spec.packages().zip(packages).map(load).collect::<Result<Vec<_>, Error>>()?;
        let rule = match spec.combine {
            Combine::Average => Rule::Average,
            Combine::Vote => Rule::Vote,
            Combine::Weighted => {
                let weights = spec.members.iter().map(|member| member.weight.unwrap_or_default());
                Rule::Weighted(combine::shares(&weights.collect::<Vec<_>>()))
            }
            Combine::Stacked => {
                let stacker = members.pop().ok_or_else(no_row)?;
                let fields = stacker.model.manifest().input.fields.iter();
                let fields = fields.filter_map(|field| spec.stacker_field(labels, &field.name));
                let fields = fields.collect();
                Rule::Stacked(Box::new(stacker), fields)
            }
        };
        let tabular = !manifest.input.fields.is_empty();
        let manifests = || members.iter().map(|member| member.model.manifest());
        let fields = tabular.then(|| Fields::load(&manifest, manifests())).transpose()?;
        let ensemble = Self { manifest, members, rule, fields };
        ensemble.outputs_are_distinct()?;
        Ok(ensemble)
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What all graphs take and give; their work together.
    pub(crate) fn facts(&self) -> GraphFacts {
        let mut facts = GraphFacts {
            inputs: Vec::new(),
            outputs: vec![self.combined_type()],
            operators: Vec::new(),
            operations: Some(0),
        };
        let mut operators = BTreeSet::new();
        for member in self.packages() {
            let one = GraphFacts::of(member.model.graph());
            facts.inputs.extend(one.inputs.into_iter().map(|input| member.named(input)));
            facts.outputs.extend(one.outputs.into_iter().map(|output| member.named(output)));
            operators.extend(one.operators);
            let sum = facts.operations.zip(one.operations);
            facts.operations = sum.map(|(sum, one)| sum.saturating_add(one));
        }
        facts.operators = operators.into_iter().collect();
        facts
    }

    /// The answer for each instance, in order. An instance with which a member fails has its error.
    pub(crate) fn predict(
        &self,
        instances: &[Instance],
        limits: &Limits,
        operations: u64,
    ) -> Result<Vec<Result<Prediction, Error>>, Error> {
        let (about, given) = match &self.fields {
            Some(fields) => {
                let Prepared { about, given } = fields.prepare(instances, &self.manifest, limits);
                (about, given.into_iter().map(Cow::Owned).collect::<Vec<_>>())
            }
            None => {
                let about = instances.iter().map(|_| Ok(About::default())).collect();
                (about, self.members.iter().map(|_| Cow::Borrowed(instances)).collect())
            }
        };
        let mut answers = Vec::with_capacity(self.members.len());
        for (member, given) in self.members.iter().zip(&given) {
            let operations = self.share(member, operations);
            answers.push(member.answer(given, limits, operations)?.into_iter());
        }
        // What all members gave for an instance, or the first one's error.
        let sound = about.iter().filter(|about| about.is_ok()).count();
        let heard: Vec<Result<Vec<Given>, Error>> = (0..sound)
            .map(|_| {
                let each = answers.iter_mut().map(|answers| answers.next());
                let each: Vec<_> =
                    each.map(|given| given.unwrap_or_else(|| Err(no_row()))).collect();
                each.into_iter().collect()
            })
            .collect();
        let mut combined = self.combine(heard, limits, operations)?.into_iter();
        let finish = |about: Result<About, Error>| {
            let about = about?;
            self.finish(about, combined.next().unwrap_or_else(|| Err(no_row()))?)
        };
        Ok(about.into_iter().map(finish).collect())
    }

    /// Makes what the members gave one, instance by instance.
    fn combine(
        &self,
        heard: Vec<Result<Vec<Given>, Error>>,
        limits: &Limits,
        operations: u64,
    ) -> Result<Vec<Result<Heard, Error>>, Error> {
        let mut stacked = match &self.rule {
            Rule::Stacked(stacker, fields) => {
                let rows = heard.iter().flatten().map(|given| self.row(stacker, fields, given));
                let operations = self.share(stacker, operations);
                let answers = stacker.answer(&rows.collect::<Vec<_>>(), limits, operations)?;
                Some(answers.into_iter())
            }
            Rule::Average | Rule::Weighted(_) | Rule::Vote => None,
        };
        let one = |members: Result<Vec<Given>, Error>| {
            let members = members?;
            let combined = match &mut stacked {
                Some(answers) => answers.next().unwrap_or_else(|| Err(no_row()))?,
                None => self.by_rule(&members),
            };
            Ok(Heard { members, combined })
        };
        Ok(heard.into_iter().map(one).collect())
    }

    fn by_rule(&self, members: &[Given]) -> Given {
        let all: Vec<_> = members.iter().map(|given| given.values.as_slice()).collect();
        let values = match &self.rule {
            Rule::Weighted(shares) => combine::weighted(&all, shares),
            Rule::Vote => combine::vote(&all),
            Rule::Average | Rule::Stacked(..) => combine::average(&all),
        };
        Given { values, outputs: Vec::new(), warnings: Vec::new() }
    }

    /// What the stacker is given: a number for each of its fields. Written as binary64, which holds
    /// every binary32, so that nothing is rounded on the way.
    fn row(&self, stacker: &Member, fields: &[StackerField], given: &[Given]) -> Instance {
        let opinions = self.opinions(given);
        let value = |field: &StackerField| {
            let opinion = opinions.get(field.member)?;
            match field.label {
                Some(label) => opinion.values.get(label).copied(),
                None => Some(opinion.score(&self.manifest.output)),
            }
        };
        let names = stacker.model.manifest().input.fields.iter().map(|field| field.name.clone());
        let values = fields.iter().map(|field| Value::from(value(field).map(f64::from)));
        Instance::Json(Value::Object(names.zip(values).collect::<Map<_, _>>()).to_string())
    }

    fn opinions(&self, given: &[Given]) -> Vec<Opinion<'_>> {
        let members = self.members.iter().zip(given);
        members
            .map(|(member, given)| Opinion { name: &member.name, values: given.values.clone() })
            .collect()
    }

    /// From what was combined to the answer.
    fn finish(&self, about: About, heard: Heard) -> Result<Prediction, Error> {
        let Heard { members: given, combined: own } = heard;
        let opinions = self.opinions(&given);
        let declared = self.combined_type();
        let extent = if own.values.len() == 1 { Vec::new() } else { vec![own.values.len()] };
        let mut outputs = vec![Tensor {
            name: declared.name,
            element_type: declared.element_type,
            shape: extent,
            data: own.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }];
        let mut said: Vec<(Vec<&str>, String)> = Vec::new();
        let finding = match self.manifest.task {
            Task::TabularRegression => {
                Finding::Value(own.values.first().copied().unwrap_or_default())
            }
            _ => Finding::Labels(own.values.clone()),
        };
        for (member, given) in self.packages().zip(given.into_iter().chain([own])) {
            for warning in given.warnings {
                match said.iter_mut().find(|(_, known)| *known == warning) {
                    Some((names, _)) => names.push(&member.name),
                    None => said.push((vec![&member.name], warning)),
                }
            }
            outputs.extend(given.outputs.into_iter().map(|output| {
                let name = format!("{}.{}", member.name, output.name);
                Tensor { name, ..output }
            }));
        }
        let mut warnings = about.warnings;
        let said = said.into_iter();
        warnings.extend(said.map(|(names, warning)| format!("{}: {warning}", names.join(", "))));
        let found = Found { id: about.id, finding, outputs, warnings };
        prediction::interpret(&self.manifest, found, &opinions)
    }

    /// The members, and the stacker if there is one.
    fn packages(&self) -> impl Iterator<Item = &Member> {
        let stacker = match &self.rule {
            Rule::Stacked(stacker, _) => Some(stacker.as_ref()),
            Rule::Average | Rule::Weighted(_) | Rule::Vote => None,
        };
        self.members.iter().chain(stacker)
    }

    /// A member's part of the operations that a call may take, as large as its part of the work.
    fn share(&self, member: &Member, operations: u64) -> u64 {
        let of = |member: &Member| u128::from(member.model.graph().operations().unwrap_or(0));
        let all: u128 = self.packages().map(of).sum();
        let part = (u128::from(operations) * of(member)).checked_div(all);
        part.map_or(operations, |part| u64::try_from(part).unwrap_or(operations))
    }

    /// The tensor with what is combined.
    fn combined_type(&self) -> TensorType {
        let output = &self.manifest.output;
        let name = output.probabilities.as_ref().or(output.value.as_ref());
        let mut shape = vec!["N".to_owned()];
        if !output.labels.is_empty() {
            shape.push(output.labels.len().to_string());
        }
        TensorType {
            name: name.cloned().unwrap_or_default(),
            element_type: ElementType::Float32,
            shape,
            keys: None,
        }
    }

    /// Reference cases and callers know outputs by their names.
    fn outputs_are_distinct(&self) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for output in self.facts().outputs {
            if !seen.insert(output.name.clone()) {
                let message = format!("two outputs have the name {:?}; change one", output.name);
                let error = Error::new(ErrorKind::InvalidModel, "graph-mismatch", message);
                return Err(error.at("output").in_file(MANIFEST));
            }
        }
        Ok(())
    }
}

impl Member {
    fn load(
        name: &str,
        package: Package,
        labels: &[String],
        limits: &Limits,
    ) -> Result<Self, Error> {
        let model = Single::load(package, limits).map_err(|error| error.of_member(name))?;
        let own = &model.manifest().output.labels;
        let places = labels.iter().filter_map(|label| own.iter().position(|it| it == label));
        let places = places.collect();
        Ok(Self { name: name.into(), model, places })
    }

    /// What the member gives for each instance, in order.
    fn answer(
        &self,
        instances: &[Instance],
        limits: &Limits,
        operations: u64,
    ) -> Result<Vec<Result<Given, Error>>, Error> {
        let found = self.model.find(instances, limits, operations);
        let found = found.map_err(|error| error.of_member(&self.name))?;
        let given = |found: Result<Found, Error>| {
            let given = found.and_then(|found| self.given(found));
            given.map_err(|error| error.of_member(&self.name))
        };
        Ok(found.into_iter().map(given).collect())
    }

    fn given(&self, found: Found) -> Result<Given, Error> {
        let Found { finding, outputs, warnings, .. } = found;
        let values = match finding {
            Finding::Value(value) => vec![value],
            Finding::Labels(values) => {
                let activation = self.model.manifest().output.activation;
                let values = activate(&values, activation);
                self.places.iter().filter_map(|place| values.get(*place).copied()).collect()
            }
            Finding::Objects(_)
            | Finding::Entities(_)
            | Finding::Embedding(_)
            | Finding::Nested(_) => Vec::new(),
        };
        finite(&values)?;
        Ok(Given { values, outputs, warnings })
    }

    /// A tensor of the member's graph under the name that it has in the ensemble.
    fn named(&self, declared: TensorType) -> TensorType {
        TensorType { name: format!("{}.{}", self.name, declared.name), ..declared }
    }
}
