//! From labels of tokens to parts of the text.

use model_package::Aggregation;
use serde::Serialize;

use super::Tokens;

/// A labelled part of a text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Entity {
    pub(crate) label: String,
    /// The mean of its tokens' probabilities.
    pub(crate) score: f32,
    /// Where it begins, in characters (Unicode scalar values).
    pub(crate) start: usize,
    /// Where the next character begins.
    pub(crate) end: usize,
    pub(crate) text: String,
}

/// One token's most likely label.
struct Found<'a> {
    label: &'a str,
    score: f32,
    start: usize,
    end: usize,
}

/// The entities of a text. `rows` has, for each token, the probability of each label.
pub(crate) fn entities<'a>(
    text: &str,
    tokens: &Tokens,
    rows: impl Iterator<Item = &'a [f32]>,
    labels: &[String],
    aggregation: Aggregation,
) -> Vec<Entity> {
    let places = tokens.places.iter().zip(&tokens.special);
    let found = rows.zip(places).filter(|(_, (_, special))| !**special).filter_map(
        |(row, ((start, end), _))| {
            let best = crate::prediction::largest(row);
            let label = labels.get(best)?.as_str();
            Some(Found { label, score: *row.get(best)?, start: *start, end: *end })
        },
    );
    let groups = match aggregation {
        Aggregation::None => found.map(|token| vec![token]).collect(),
        Aggregation::Simple => group(found),
    };
    let starts: Vec<usize> = text.char_indices().map(|(start, _)| start).collect();
    let byte = |place: usize| starts.get(place).copied().unwrap_or(text.len());
    let entity = |group: &Vec<Found>| {
        let (first, last) = group.first().zip(group.last())?;
        let label = match aggregation {
            Aggregation::None => first.label,
            Aggregation::Simple => prefix(first.label).1,
        };
        let sum: f64 = group.iter().map(|token| f64::from(token.score)).sum();
        Some(Entity {
            label: label.to_owned(),
            score: (sum / group.len() as f64) as f32,
            start: first.start,
            end: last.end,
            text: text.get(byte(first.start)..byte(last.end)).unwrap_or_default().to_owned(),
        })
    };
    groups.iter().filter_map(entity).filter(|entity| entity.label != "O").collect()
}

/// Neighbours of one kind are together, and `B-` begins anew; as `transformers` groups them.
fn group<'a>(tokens: impl Iterator<Item = Found<'a>>) -> Vec<Vec<Found<'a>>> {
    let mut groups: Vec<Vec<Found>> = Vec::new();
    for token in tokens {
        let (begins, kind) = prefix(token.label);
        match groups.last_mut() {
            Some(group)
                if !begins && group.last().is_some_and(|last| prefix(last.label).1 == kind) =>
            {
                group.push(token);
            }
            _ => groups.push(vec![token]),
        }
    }
    groups
}

/// Whether a label begins an entity, and of which kind it is.
fn prefix(label: &str) -> (bool, &str) {
    match label.split_at_checked(2) {
        Some(("B-", kind)) => (true, kind),
        Some(("I-", kind)) => (false, kind),
        _ => (false, label),
    }
}
