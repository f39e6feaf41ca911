//! The encoding of `TreeEnsembleClassifier` and `TreeEnsembleRegressor`: parallel lists in which a
//! node is named by a tree id and a node id, and leaves are nodes like any other.

use std::collections::BTreeMap;

use super::description::{
    Branch, Description, HIGHEST_FEATURE, Leaves, Link, Mode, Reals, Vote, double, expect_at_most,
    expect_flags, expect_length, position,
};
use super::error::EnsembleError;

/// The names of the attributes that hold the leaves' weights; the two operators differ in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WeightNames {
    pub(super) trees: &'static str,
    pub(super) nodes: &'static str,
    pub(super) ids: &'static str,
}

/// The attributes as they were found, absent ones empty.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClassicAttributes<'a> {
    /// Already checked.
    pub(super) targets: usize,
    pub(super) tree_ids: &'a [i64],
    pub(super) node_ids: &'a [i64],
    pub(super) feature_ids: &'a [i64],
    pub(super) modes: &'a [Vec<u8>],
    pub(super) values: Reals,
    pub(super) true_ids: &'a [i64],
    pub(super) false_ids: &'a [i64],
    pub(super) missing_is_true: &'a [i64],
    pub(super) weight_names: WeightNames,
    pub(super) weight_trees: &'a [i64],
    pub(super) weight_nodes: &'a [i64],
    pub(super) weight_ids: &'a [i64],
    pub(super) weights: Reals,
}

impl ClassicAttributes<'_> {
    /// Checks every attribute and resolves ids to positions.
    pub(super) fn describe(&self) -> Result<Description, EnsembleError> {
        self.check_lengths()?;
        let missing_is_true = expect_flags(
            "nodes_missing_value_tracks_true",
            self.missing_is_true,
            "nodes_nodeids",
            self.node_ids.len(),
        )?;
        let modes = self.modes()?;
        let nodes = Nodes::new(self.tree_ids, self.node_ids, &modes)?;
        let mut branches = Vec::with_capacity(modes.len() - nodes.leaves.len());
        let parallel = self.tree_ids.iter().zip(self.feature_ids).zip(&self.values.values);
        let children = self.true_ids.iter().zip(self.false_ids).zip(missing_is_true);
        for (origin, (((tree, feature), value), ((on_true, on_false), missing_is_true))) in
            parallel.zip(children).enumerate()
        {
            // A leaf's feature, value and children mean nothing, and exporters write anything.
            let Some(mode) = modes.get(origin).copied().flatten() else { continue };
            let feature = expect_at_most("nodes_featureids", origin, *feature, HIGHEST_FEATURE)?;
            branches.push(Branch {
                value: *value,
                origin: position(origin)?,
                feature: position(feature)?,
                mode,
                missing_is_true,
                on_true: nodes.child("nodes_truenodeids", origin, *tree, *on_true)?,
                on_false: nodes.child("nodes_falsenodeids", origin, *tree, *on_false)?,
            });
        }
        Ok(Description {
            targets: self.targets,
            roots: nodes.roots(self.tree_ids)?,
            branches,
            sets: BTreeMap::new(),
            leaves: self.leaves(&nodes)?,
            double: double(&[&self.values, &self.weights]),
        })
    }

    fn check_lengths(&self) -> Result<(), EnsembleError> {
        if self.node_ids.is_empty() {
            return Err(EnsembleError::Missing { attribute: "nodes_nodeids" });
        }
        for (attribute, found) in [
            ("nodes_treeids", self.tree_ids.len()),
            ("nodes_featureids", self.feature_ids.len()),
            ("nodes_modes", self.modes.len()),
            (self.values.attribute, self.values.values.len()),
            ("nodes_truenodeids", self.true_ids.len()),
            ("nodes_falsenodeids", self.false_ids.len()),
        ] {
            expect_length(attribute, found, "nodes_nodeids", self.node_ids.len())?;
        }
        let names = self.weight_names;
        for (attribute, found) in [
            (names.trees, self.weight_trees.len()),
            (names.nodes, self.weight_nodes.len()),
            (self.weights.attribute, self.weights.values.len()),
        ] {
            expect_length(attribute, found, names.ids, self.weight_ids.len())?;
        }
        Ok(())
    }

    /// Each node's mode, `None` for a leaf.
    fn modes(&self) -> Result<Vec<Option<Mode>>, EnsembleError> {
        let mode = |(index, mode): (usize, &Vec<u8>)| {
            Ok(match mode.as_slice() {
                b"BRANCH_LEQ" => Some(Mode::AtMost),
                b"BRANCH_LT" => Some(Mode::Below),
                b"BRANCH_GTE" => Some(Mode::AtLeast),
                b"BRANCH_GT" => Some(Mode::Above),
                b"BRANCH_EQ" => Some(Mode::Equal),
                b"BRANCH_NEQ" => Some(Mode::Different),
                b"LEAF" => None,
                other => {
                    let found = String::from_utf8_lossy(other).chars().take(32).collect::<String>();
                    return Err(EnsembleError::Unknown {
                        attribute: "nodes_modes",
                        index,
                        found: format!("{found:?}"),
                        accepted: "BRANCH_LEQ, BRANCH_LT, BRANCH_GTE, BRANCH_GT, BRANCH_EQ, \
                                   BRANCH_NEQ and LEAF",
                    });
                }
            })
        };
        self.modes.iter().enumerate().map(mode).collect()
    }

    /// Each leaf's votes, in the order in which they are declared.
    fn leaves(&self, nodes: &Nodes) -> Result<Leaves, EnsembleError> {
        let names = self.weight_names;
        // Which leaf each weight is for, and how many each leaf has.
        let mut leaf_of = Vec::with_capacity(self.weight_ids.len());
        let mut starts = vec![0_usize; nodes.leaves.len() + 1];
        let parallel = self.weight_trees.iter().zip(self.weight_nodes).zip(self.weight_ids);
        for (index, ((tree, node), target)) in parallel.enumerate() {
            expect_at_most(names.ids, index, *target, self.targets - 1)?;
            let link = nodes.find(*tree, *node).ok_or(EnsembleError::MissingLeaf {
                attribute: names.nodes,
                index,
                tree: *tree,
                node: *node,
            })?;
            // Old exporters give branches weights, too. They mean nothing, as in ONNX Runtime.
            let leaf = match link {
                Link::Leaf(leaf) => Some(leaf as usize),
                Link::Branch(_) => None,
            };
            if let Some(count) = leaf.and_then(|leaf| starts.get_mut(leaf + 1)) {
                *count += 1;
            }
            leaf_of.push(leaf);
        }
        if self.targets == 1 {
            return Ok(self.single(nodes, &leaf_of));
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut votes = vec![Vote { target: 0, weight: 0.0 }; sum];
        let weights = self.weight_ids.iter().zip(&self.weights.values);
        for (leaf, (target, weight)) in leaf_of.iter().zip(weights) {
            let Some(place) = leaf.and_then(|leaf| next.get_mut(leaf)) else { continue };
            if let (Some(vote), Ok(target)) = (votes.get_mut(*place), u32::try_from(*target)) {
                *vote = Vote { target, weight: *weight };
            }
            *place += 1;
        }
        Ok(Leaves { starts, votes })
    }

    /// With one target ONNX Runtime reads a single number per leaf: its first weight or, without
    /// any, its node's value.
    fn single(&self, nodes: &Nodes, leaf_of: &[Option<usize>]) -> Leaves {
        let mut weights = vec![None; nodes.leaves.len()];
        for (leaf, weight) in leaf_of.iter().zip(&self.weights.values) {
            if let Some(slot) = leaf.and_then(|leaf| weights.get_mut(leaf)) {
                slot.get_or_insert(*weight);
            }
        }
        let vote = |(weight, node): (Option<f64>, &u32)| {
            let value = || self.values.values.get(*node as usize).copied();
            Vote { target: 0, weight: weight.or_else(value).unwrap_or(0.0) }
        };
        let votes: Vec<_> = weights.into_iter().zip(&nodes.leaves).map(vote).collect();
        Leaves { starts: (0..=votes.len()).collect(), votes }
    }
}

/// Finds nodes by tree id and node id.
struct Nodes {
    index: Index,
    /// What each node is, in the order of the attributes.
    links: Vec<Link>,
    /// The position of each leaf in the `nodes_*` attributes.
    leaves: Vec<u32>,
}

/// How a node is found.
enum Index {
    /// Every tree's nodes are numbered from zero in their order: where each tree starts and how many
    /// nodes it has, ordered by tree id.
    Numbered(Vec<(i64, usize, usize)>),
    /// Every node with its position, ordered by tree id and node id.
    Sorted(Vec<(i64, i64, u32)>),
}

impl Nodes {
    fn new(trees: &[i64], nodes: &[i64], modes: &[Option<Mode>]) -> Result<Self, EnsembleError> {
        let (mut branches, mut leaves) = (0, Vec::new());
        let mut links = Vec::with_capacity(nodes.len());
        for (index, ((tree, node), mode)) in trees.iter().zip(nodes).zip(modes).enumerate() {
            for (attribute, id) in [("nodes_treeids", tree), ("nodes_nodeids", node)] {
                if *id < 0 {
                    let (found, highest) = (*id, i64::MAX);
                    return Err(EnsembleError::OutOfRange { attribute, index, found, highest });
                }
            }
            if mode.is_some() {
                links.push(Link::Branch(branches));
                branches += 1;
            } else {
                links.push(Link::Leaf(position(leaves.len())?));
                leaves.push(position(index)?);
            }
        }
        let index = match numbered(trees, nodes) {
            Some(trees) => Index::Numbered(trees),
            None => Index::Sorted(sorted(trees, nodes)?),
        };
        Ok(Self { index, links, leaves })
    }

    fn find(&self, tree: i64, node: i64) -> Option<Link> {
        let position = match &self.index {
            Index::Numbered(trees) => {
                let found = trees.binary_search_by_key(&tree, |(tree, ..)| *tree).ok()?;
                let (_, start, count) = trees.get(found)?;
                start + usize::try_from(node).ok().filter(|node| node < count)?
            }
            Index::Sorted(nodes) => {
                let found = nodes.binary_search_by_key(&(tree, node), |(t, n, _)| (*t, *n)).ok()?;
                nodes.get(found)?.2 as usize
            }
        };
        self.links.get(position).copied()
    }

    fn child(
        &self,
        attribute: &'static str,
        index: usize,
        tree: i64,
        node: i64,
    ) -> Result<Link, EnsembleError> {
        let missing = EnsembleError::MissingChild { attribute, index, tree, node };
        self.find(tree, node).ok_or(missing)
    }

    /// A tree's root is the first of its nodes, and trees are summed in the order in which they
    /// are declared.
    fn roots(&self, trees: &[i64]) -> Result<Vec<Link>, EnsembleError> {
        let mut roots = Vec::new();
        let mut starts = Vec::new();
        let mut previous = None;
        for (index, (tree, link)) in trees.iter().zip(&self.links).enumerate() {
            if previous != Some(tree) {
                starts.push((*tree, index));
                roots.push(*link);
            }
            previous = Some(tree);
        }
        starts.sort_unstable();
        for pair in starts.windows(2) {
            if let [(tree, _), (other, index)] = pair
                && tree == other
            {
                return Err(EnsembleError::ScatteredTree { index: *index, tree: *tree });
            }
        }
        Ok(roots)
    }
}

/// Where each tree starts and how many nodes it has, ordered by tree id, if every tree's nodes follow
/// each other and are numbered from zero.
fn numbered(trees: &[i64], nodes: &[i64]) -> Option<Vec<(i64, usize, usize)>> {
    let mut starts: Vec<(i64, usize, usize)> = Vec::new();
    for (position, (tree, node)) in trees.iter().zip(nodes).enumerate() {
        match starts.last_mut() {
            Some((last, start, count)) if last == tree => {
                if usize::try_from(*node) != Ok(position - *start) {
                    return None;
                }
                *count += 1;
            }
            _ if *node == 0 => starts.push((*tree, position, 1)),
            _ => return None,
        }
    }
    starts.sort_unstable();
    let twice = starts.windows(2).any(|pair| matches!(pair, [(a, ..), (b, ..)] if a == b));
    (!twice).then_some(starts)
}

/// Every node with its position, ordered by tree id and node id.
fn sorted(trees: &[i64], nodes: &[i64]) -> Result<Vec<(i64, i64, u32)>, EnsembleError> {
    let keys = trees.iter().zip(nodes).enumerate();
    let key = |(index, (tree, node)): (usize, (&i64, &i64))| Ok((*tree, *node, position(index)?));
    let mut keys = keys.map(key).collect::<Result<Vec<_>, EnsembleError>>()?;
    keys.sort_unstable();
    for pair in keys.windows(2) {
        if let [(tree, node, _), (other_tree, other_node, index)] = pair
            && (tree, node) == (other_tree, other_node)
        {
            let (index, tree, node) = (*index as usize, *tree, *node);
            return Err(EnsembleError::DuplicateNode { index, tree, node });
        }
    }
    Ok(keys)
}
