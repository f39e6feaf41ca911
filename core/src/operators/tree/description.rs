//! The one form in which every encoding of an ensemble is handed on: branches, leaves and roots
//! that refer to each other by position. Positions are in range; cycles are found when the
//! [`Ensemble`](super::ensemble::Ensemble) is laid out.

use std::collections::BTreeMap;

use super::error::EnsembleError;

/// The most targets or classes accepted. Scores of a block of rows are held in memory at once, and
/// the count comes from the model.
pub(super) const MOST_TARGETS: usize = 1 << 16;

/// The highest feature id accepted: a node keeps it in 28 bits.
pub(super) const HIGHEST_FEATURE: usize = (1 << 28) - 1;

/// How a branch compares a feature with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// `BRANCH_LEQ`.
    AtMost,
    /// `BRANCH_LT`.
    Below,
    /// `BRANCH_GTE`.
    AtLeast,
    /// `BRANCH_GT`.
    Above,
    /// `BRANCH_EQ`.
    Equal,
    /// `BRANCH_NEQ`.
    Different,
    /// `BRANCH_MEMBER`: the feature is one of a set of values.
    Member,
}

/// How the trees' votes for a target become its score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Average,
    Sum,
    Min,
    Max,
}

/// Where a branch leads, or a tree starts: a position in the branches or in the leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Branch(u32),
    Leaf(u32),
}

/// An interior node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Branch {
    pub(super) value: f64,
    /// Its position in the `nodes_*` attributes, for messages.
    pub(super) origin: u32,
    /// At most [`HIGHEST_FEATURE`].
    pub(super) feature: u32,
    pub(super) on_true: Link,
    pub(super) on_false: Link,
    pub(super) mode: Mode,
    /// Whether a feature that is NaN leads to `on_true`.
    pub(super) missing_is_true: bool,
}

/// What a leaf says of one target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vote {
    /// Below the description's number of targets.
    pub(super) target: u32,
    pub(super) weight: f64,
}

/// The votes of all leaves, one leaf after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Leaves {
    /// Where each leaf's votes start, with one more for the end.
    pub(super) starts: Vec<usize>,
    pub(super) votes: Vec<Vote>,
}

/// An ensemble, whichever operator it came from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Description {
    /// The number of targets or classes, in `1..=MOST_TARGETS`.
    pub(super) targets: usize,
    /// In the order in which they are summed.
    pub(super) roots: Vec<Link>,
    pub(super) branches: Vec<Branch>,
    /// The set of each branch that is a [`Mode::Member`], by its position.
    pub(super) sets: BTreeMap<u32, Vec<f64>>,
    /// With one target there is exactly one vote for each leaf.
    pub(super) leaves: Leaves,
    /// An attribute that holds doubles, when there is one.
    pub(super) double: Option<&'static str>,
}

/// An attribute of floats, given as a list of floats or as a tensor of floats or doubles.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reals {
    /// The attribute that was found, or the list's name when there was none.
    pub(super) attribute: &'static str,
    pub(super) values: Vec<f64>,
    /// Whether they were given as doubles.
    pub(super) double: bool,
}

/// The attribute of these that holds doubles, if any does.
pub(super) fn double(attributes: &[&Reals]) -> Option<&'static str> {
    attributes.iter().find(|reals| reals.double).map(|reals| reals.attribute)
}

/// Checks that an attribute is as long as the one it runs in parallel with.
pub(super) fn expect_length(
    attribute: &'static str,
    found: usize,
    against: &'static str,
    expected: usize,
) -> Result<(), EnsembleError> {
    if found == expected {
        return Ok(());
    }
    Err(EnsembleError::Length { attribute, found, expected, against })
}

/// Checks a position, id or feature against the highest that makes sense.
pub(super) fn expect_at_most(
    attribute: &'static str,
    index: usize,
    found: i64,
    highest: usize,
) -> Result<usize, EnsembleError> {
    usize::try_from(found).ok().filter(|value| *value <= highest).ok_or_else(|| {
        let highest = i64::try_from(highest).unwrap_or(i64::MAX);
        EnsembleError::OutOfRange { attribute, index, found, highest }
    })
}

/// Checks a number of targets or classes.
pub(super) fn expect_targets(attribute: &'static str, found: i64) -> Result<usize, EnsembleError> {
    usize::try_from(found)
        .ok()
        .filter(|count| (1..=MOST_TARGETS).contains(count))
        .ok_or(EnsembleError::Count { attribute, found, highest: MOST_TARGETS as i64 })
}

/// A position as it is kept. Protocol buffers end at 2 GiB, so no file has more of anything.
pub(super) fn position(value: usize) -> Result<u32, EnsembleError> {
    u32::try_from(value).map_err(|_| EnsembleError::Count {
        attribute: "the number of nodes",
        found: i64::try_from(value).unwrap_or(i64::MAX),
        highest: u32::MAX.into(),
    })
}

/// Reads a list of 0 and 1 that may be absent, which stands for all 0.
pub(super) fn expect_flags(
    attribute: &'static str,
    flags: &[i64],
    against: &'static str,
    expected: usize,
) -> Result<Vec<bool>, EnsembleError> {
    if flags.is_empty() {
        return Ok(vec![false; expected]);
    }
    expect_length(attribute, flags.len(), against, expected)?;
    let flag = |(index, flag): (usize, &i64)| {
        expect_at_most(attribute, index, *flag, 1).map(|flag| flag == 1)
    };
    flags.iter().enumerate().map(flag).collect()
}
