//! The encoding of `TreeEnsemble`: interior nodes and leaves in lists of their own, in which nodes
//! refer to each other by position and trees are named by their roots.

use std::collections::BTreeMap;

use super::description::{
    Branch, Description, HIGHEST_FEATURE, Leaves, Link, Mode, Reals, Vote, double, expect_at_most,
    expect_flags, expect_length, position,
};
use super::error::EnsembleError;

/// The attributes as they were found, absent ones empty.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IndexedAttributes {
    /// Already checked.
    pub(super) targets: usize,
    pub(super) roots: Vec<i64>,
    pub(super) feature_ids: Vec<i64>,
    pub(super) modes: Vec<u8>,
    pub(super) splits: Reals,
    pub(super) members: Reals,
    pub(super) missing_is_true: Vec<i64>,
    pub(super) true_ids: Vec<i64>,
    pub(super) true_leaves: Vec<i64>,
    pub(super) false_ids: Vec<i64>,
    pub(super) false_leaves: Vec<i64>,
    pub(super) leaf_targets: Vec<i64>,
    pub(super) leaf_weights: Reals,
}

impl IndexedAttributes {
    /// Checks every attribute and turns positions into links.
    pub(super) fn describe(&self) -> Result<Description, EnsembleError> {
        self.check_lengths()?;
        let against = "nodes_featureids";
        let count = self.feature_ids.len();
        let flags = |attribute, flags: &[i64]| expect_flags(attribute, flags, against, count);
        let missing = flags("nodes_missing_value_tracks_true", &self.missing_is_true)?;
        let true_leaves = flags("nodes_trueleafs", &self.true_leaves)?;
        let false_leaves = flags("nodes_falseleafs", &self.false_leaves)?;
        let modes = self.modes()?;
        let mut sets = self.sets(&modes)?.into_iter();

        let mut branches = Vec::with_capacity(count);
        let mut members = BTreeMap::new();
        let on_true = self.true_ids.iter().zip(true_leaves);
        let on_false = self.false_ids.iter().zip(false_leaves);
        let tests = self.feature_ids.iter().zip(&self.splits.values).zip(modes).zip(missing);
        for (origin, ((((feature, value), mode), missing_is_true), (on_true, on_false))) in
            tests.zip(on_true.zip(on_false)).enumerate()
        {
            if mode == Mode::Member {
                members.insert(position(origin)?, sets.next().unwrap_or_default());
            }
            let feature = expect_at_most("nodes_featureids", origin, *feature, HIGHEST_FEATURE)?;
            branches.push(Branch {
                value: *value,
                origin: position(origin)?,
                feature: position(feature)?,
                mode,
                missing_is_true,
                on_true: self.link("nodes_truenodeids", origin, on_true)?,
                on_false: self.link("nodes_falsenodeids", origin, on_false)?,
            });
        }
        Ok(Description {
            targets: self.targets,
            roots: self.roots()?,
            branches,
            sets: members,
            leaves: self.leaves()?,
            double: double(&[&self.splits, &self.members, &self.leaf_weights]),
        })
    }

    fn check_lengths(&self) -> Result<(), EnsembleError> {
        for (attribute, found) in [
            ("tree_roots", self.roots.len()),
            ("nodes_featureids", self.feature_ids.len()),
            ("leaf_targetids", self.leaf_targets.len()),
            ("nodes_trueleafs", self.true_leaves.len()),
            ("nodes_falseleafs", self.false_leaves.len()),
        ] {
            if found == 0 {
                return Err(EnsembleError::Missing { attribute });
            }
        }
        for (attribute, found) in [
            ("nodes_modes", self.modes.len()),
            (self.splits.attribute, self.splits.values.len()),
            ("nodes_truenodeids", self.true_ids.len()),
            ("nodes_falsenodeids", self.false_ids.len()),
        ] {
            expect_length(attribute, found, "nodes_featureids", self.feature_ids.len())?;
        }
        let weights = self.leaf_weights.values.len();
        expect_length(
            self.leaf_weights.attribute,
            weights,
            "leaf_targetids",
            self.leaf_targets.len(),
        )
    }

    fn modes(&self) -> Result<Vec<Mode>, EnsembleError> {
        let mode = |(index, mode): (usize, &u8)| {
            Ok(match mode {
                0 => Mode::AtMost,
                1 => Mode::Below,
                2 => Mode::AtLeast,
                3 => Mode::Above,
                4 => Mode::Equal,
                5 => Mode::Different,
                6 => Mode::Member,
                other => {
                    return Err(EnsembleError::Unknown {
                        attribute: "nodes_modes",
                        index,
                        found: other.to_string(),
                        accepted: "0 (BRANCH_LEQ) to 6 (BRANCH_MEMBER)",
                    });
                }
            })
        };
        self.modes.iter().enumerate().map(mode).collect()
    }

    /// The sets of members in the order of the nodes that test them. A NaN ends a set; the last
    /// one may go without.
    fn sets(&self, modes: &[Mode]) -> Result<Vec<Vec<f64>>, EnsembleError> {
        let mut sets: Vec<Vec<f64>> =
            self.members.values.split(|value| value.is_nan()).map(<[f64]>::to_vec).collect();
        if sets.last().is_some_and(Vec::is_empty) {
            sets.pop();
        }
        let expected = modes.iter().filter(|mode| **mode == Mode::Member).count();
        if sets.len() != expected {
            return Err(EnsembleError::Membership { found: sets.len(), expected });
        }
        Ok(sets)
    }

    fn link(
        &self,
        attribute: &'static str,
        index: usize,
        (link, is_leaf): (&i64, bool),
    ) -> Result<Link, EnsembleError> {
        // Neither list is empty, so subtracting one is safe.
        let count = if is_leaf { self.leaf_targets.len() } else { self.feature_ids.len() };
        let found = position(expect_at_most(attribute, index, *link, count - 1)?)?;
        Ok(if is_leaf { Link::Leaf(found) } else { Link::Branch(found) })
    }

    fn roots(&self) -> Result<Vec<Link>, EnsembleError> {
        let highest = self.feature_ids.len() - 1;
        let root = |(index, root): (usize, &i64)| {
            position(expect_at_most("tree_roots", index, *root, highest)?).map(Link::Branch)
        };
        self.roots.iter().enumerate().map(root).collect()
    }

    fn leaves(&self) -> Result<Leaves, EnsembleError> {
        let vote = |(index, (target, weight)): (usize, (&i64, &f64))| {
            let target = expect_at_most("leaf_targetids", index, *target, self.targets - 1)?;
            Ok(Vote { target: position(target)?, weight: *weight })
        };
        let votes = self.leaf_targets.iter().zip(&self.leaf_weights.values).enumerate();
        let votes = votes.map(vote).collect::<Result<Vec<_>, EnsembleError>>()?;
        Ok(Leaves { starts: (0..=votes.len()).collect(), votes })
    }
}
