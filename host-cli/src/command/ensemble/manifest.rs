//! The manifest of an ensemble: what its members agree on.

use std::collections::BTreeSet;

use anyhow::Result;
use model_package::{
    Combine, Decision, Ensemble, FORMAT, GraphSpec, InputSpec, Manifest, OutputSpec, Rule,
    ScoreSpec, Task,
};

use super::fields;
use super::part::Part;
use crate::args;
use crate::command::package::name_of;

const UNKNOWN: &str = "NOASSERTION";

/// A manifest without files.
pub(super) fn draft(
    arguments: &args::Ensemble,
    ensemble: Ensemble,
    members: &[Part],
    stacker: Option<&Part>,
    notes: &mut Vec<String>,
) -> Result<Manifest> {
    let all: Vec<_> = members.iter().chain(stacker).collect();
    let fields = fields::union(members, notes)?;
    let output = output(arguments, members, notes);
    let decision = decision(arguments, members, &output, notes);
    Ok(Manifest {
        format: FORMAT.into(),
        name: arguments.name.clone().unwrap_or_else(|| name_of(&arguments.output)),
        version: arguments.model_version.clone(),
        task: members.first().map_or(Task::Tensors, |part| part.manifest.task),
        description: Some(description(ensemble.combine, &all)),
        license: arguments.license.clone().unwrap_or_else(|| license(&all)),
        files: Vec::new(),
        ensemble: Some(ensemble),
        input: InputSpec { fields, ..InputSpec::default() },
        features: Vec::new(),
        graph: GraphSpec::default(),
        output,
        decision,
        training: None,
    })
}

fn description(combine: Combine, all: &[&Part]) -> String {
    let name = |part: &&Part| format!("{} {}", part.manifest.name, part.manifest.version);
    let names: Vec<_> = all.iter().map(name).collect();
    let how = match combine {
        Combine::Average => "The average",
        Combine::Weighted => "The weighted average",
        Combine::Vote => "A vote",
        Combine::Stacked => "A stack",
    };
    format!("{how} of {}.", names.join(", "))
}

/// All licences, unless one is not known.
fn license(all: &[&Part]) -> String {
    let known: BTreeSet<_> = all.iter().map(|part| part.manifest.license.as_str()).collect();
    if known.contains(UNKNOWN) {
        return UNKNOWN.into();
    }
    let several = known.len() > 1;
    let whole = |license: &str| match several && license.contains(" OR ") {
        true => format!("({license})"),
        false => license.to_owned(),
    };
    known.into_iter().map(whole).collect::<Vec<_>>().join(" AND ")
}

/// What all members have; nothing where one has something else.
fn shared<'a, T: PartialEq>(
    members: &'a [Part],
    of: impl Fn(&'a Manifest) -> &'a T,
) -> Option<&'a T> {
    let mut all = members.iter().map(|part| of(&part.manifest));
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

fn output(arguments: &args::Ensemble, members: &[Part], notes: &mut Vec<String>) -> OutputSpec {
    let Some(first) = members.first().map(|part| &part.manifest) else {
        return OutputSpec::default();
    };
    let regression = first.task == Task::TabularRegression;
    let mut output = OutputSpec {
        labels: first.output.labels.clone(),
        probabilities: (!regression).then(|| "probabilities".into()),
        value: regression.then(|| "value".into()),
        top: shared(members, |member| &member.output.top).copied().flatten(),
        each_above: shared(members, |member| &member.output.each_above).copied().flatten(),
        neutral: shared(members, |member| &member.output.neutral).cloned().flatten(),
        ..OutputSpec::default()
    };
    output.score = match &arguments.score {
        Some(label) => {
            let scores = members.iter().filter_map(|part| part.manifest.output.score.as_ref());
            let same = scores.into_iter().find(|score| score.label.as_ref() == Some(label));
            let name = same.map_or("score", |score| score.name.as_str()).to_owned();
            Some(ScoreSpec { name, label: Some(label.clone()) })
        }
        None => match shared(members, |member| &member.output.score) {
            Some(score) => score.clone(),
            None if regression => None,
            None => {
                notes.push(
                    "the members have different scores, so it is the largest probability; --score \
                     LABEL says whose it is"
                        .into(),
                );
                None
            }
        },
    };
    output
}

fn decision(
    arguments: &args::Ensemble,
    members: &[Part],
    output: &OutputSpec,
    notes: &mut Vec<String>,
) -> Option<Decision> {
    if !arguments.threshold.is_empty() {
        let rule = |it: &args::Threshold| Rule { above: it.above, action: it.action.clone() };
        let mut rules: Vec<_> = arguments.threshold.iter().map(rule).collect();
        rules.sort_by(|a, b| b.above.total_cmp(&a.above));
        return Some(Decision { rules, otherwise: arguments.otherwise.clone() });
    }
    let same = shared(members, |member| &member.decision);
    let score = shared(members, |member| &member.output.score);
    match same {
        Some(decision) if score.is_some_and(|score| *score == output.score) => decision.clone(),
        Some(None) => None,
        _ => {
            notes.push(
                "the members decide differently, so the ensemble has no actions; --threshold \
                 ABOVE=ACTION gives it some"
                    .into(),
            );
            None
        }
    }
}
