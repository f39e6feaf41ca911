//! The encoding of `TreeEnsembleClassifier` and `TreeEnsembleRegressor`: parallel lists in which a
//! node is named by a tree id and a node id, and leaves are nodes like any other.

use super::description::{
    Branch, Description, HIGHEST_FEATURE, Link, Mode, Reals, Vote, double, expect_at_most,
    expect_flags, expect_length,
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
pub(super) struct ClassicAttributes {
    /// Already checked.
    pub(super) targets: usize,
    pub(super) tree_ids: Vec<i64>,
    pub(super) node_ids: Vec<i64>,
    pub(super) feature_ids: Vec<i64>,
    pub(super) modes: Vec<String>,
    pub(super) values: Reals,
    pub(super) true_ids: Vec<i64>,
    pub(super) false_ids: Vec<i64>,
    pub(super) missing_is_true: Vec<i64>,
    pub(super) weight_names: WeightNames,
    pub(super) weight_trees: Vec<i64>,
    pub(super) weight_nodes: Vec<i64>,
    pub(super) weight_ids: Vec<i64>,
    pub(super) weights: Reals,
}

impl ClassicAttributes {
    /// Checks every attribute and resolves ids to positions.
    pub(super) fn describe(&self) -> Result<Description, EnsembleError> {
        self.check_lengths()?;
        let missing_is_true = expect_flags(
            "nodes_missing_value_tracks_true",
            &self.missing_is_true,
            "nodes_nodeids",
            self.node_ids.len(),
        )?;
        let modes = self.modes()?;
        let nodes = Nodes::new(&self.tree_ids, &self.node_ids, &modes)?;
        let mut branches = Vec::new();
        let parallel = self.tree_ids.iter().zip(&self.feature_ids).zip(&self.values.values);
        let children = self.true_ids.iter().zip(&self.false_ids).zip(missing_is_true);
        for (origin, (((tree, feature), value), ((on_true, on_false), missing_is_true))) in
            parallel.zip(children).enumerate()
        {
            // A leaf's feature, value and children mean nothing, and exporters write anything.
            let Some(mode) = modes.get(origin).copied().flatten() else { continue };
            branches.push(Branch {
                origin,
                feature: expect_at_most("nodes_featureids", origin, *feature, HIGHEST_FEATURE)?,
                mode,
                value: *value,
                members: Vec::new(),
                missing_is_true,
                on_true: nodes.child("nodes_truenodeids", origin, *tree, *on_true)?,
                on_false: nodes.child("nodes_falsenodeids", origin, *tree, *on_false)?,
            });
        }
        Ok(Description {
            targets: self.targets,
            roots: nodes.roots(&self.tree_ids)?,
            branches,
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
        let mode = |(index, mode): (usize, &String)| {
            Ok(match mode.as_str() {
                "BRANCH_LEQ" => Some(Mode::AtMost),
                "BRANCH_LT" => Some(Mode::Below),
                "BRANCH_GTE" => Some(Mode::AtLeast),
                "BRANCH_GT" => Some(Mode::Above),
                "BRANCH_EQ" => Some(Mode::Equal),
                "BRANCH_NEQ" => Some(Mode::Different),
                "LEAF" => None,
                other => {
                    return Err(EnsembleError::Unknown {
                        attribute: "nodes_modes",
                        index,
                        found: format!("{:?}", other.chars().take(32).collect::<String>()),
                        accepted: "BRANCH_LEQ, BRANCH_LT, BRANCH_GTE, BRANCH_GT, BRANCH_EQ, \
                                   BRANCH_NEQ and LEAF",
                    });
                }
            })
        };
        self.modes.iter().enumerate().map(mode).collect()
    }

    /// Each leaf's votes, in the order in which they are declared.
    fn leaves(&self, nodes: &Nodes) -> Result<Vec<Vec<Vote>>, EnsembleError> {
        let names = self.weight_names;
        let mut leaves = vec![Vec::new(); nodes.leaves.len()];
        let parallel = self.weight_trees.iter().zip(&self.weight_nodes);
        let votes = self.weight_ids.iter().zip(&self.weights.values);
        for (index, ((tree, node), (target, weight))) in parallel.zip(votes).enumerate() {
            let target = expect_at_most(names.ids, index, *target, self.targets - 1)?;
            let link = nodes.find(*tree, *node).ok_or(EnsembleError::MissingLeaf {
                attribute: names.nodes,
                index,
                tree: *tree,
                node: *node,
            })?;
            // Old exporters give branches weights, too. They mean nothing, as in ONNX Runtime.
            let Link::Leaf(leaf) = link else { continue };
            if let Some(votes) = leaves.get_mut(leaf) {
                votes.push(Vote { target, weight: *weight });
            }
        }
        if self.targets == 1 {
            // With one target ONNX Runtime reads a single number per leaf: its first weight or,
            // without any, its node's value.
            for (votes, node) in leaves.iter_mut().zip(&nodes.leaves) {
                votes.truncate(1);
                if votes.is_empty() {
                    let weight = self.values.values.get(*node).copied().unwrap_or(0.0);
                    votes.push(Vote { target: 0, weight });
                }
            }
        }
        Ok(leaves)
    }
}

/// Finds nodes by tree id and node id.
struct Nodes {
    /// Every node with what it is, ordered by tree id and node id.
    sorted: Vec<(i64, i64, Link)>,
    /// What each node is, in the order of the attributes.
    links: Vec<Link>,
    /// The position of each leaf in the `nodes_*` attributes.
    leaves: Vec<usize>,
}

impl Nodes {
    fn new(trees: &[i64], nodes: &[i64], modes: &[Option<Mode>]) -> Result<Self, EnsembleError> {
        let (mut branches, mut leaves) = (0, Vec::new());
        let mut links = Vec::with_capacity(nodes.len());
        let mut keys = Vec::with_capacity(nodes.len());
        for (index, ((tree, node), mode)) in trees.iter().zip(nodes).zip(modes).enumerate() {
            for (attribute, id) in [("nodes_treeids", tree), ("nodes_nodeids", node)] {
                if *id < 0 {
                    let (found, highest) = (*id, i64::MAX);
                    return Err(EnsembleError::OutOfRange { attribute, index, found, highest });
                }
            }
            let link = if mode.is_some() {
                branches += 1;
                Link::Branch(branches - 1)
            } else {
                leaves.push(index);
                Link::Leaf(leaves.len() - 1)
            };
            links.push(link);
            keys.push((*tree, *node, index, link));
        }
        keys.sort_unstable_by_key(|(tree, node, index, _)| (*tree, *node, *index));
        for pair in keys.windows(2) {
            if let [(tree, node, ..), (other_tree, other_node, index, _)] = pair
                && (tree, node) == (other_tree, other_node)
            {
                return Err(EnsembleError::DuplicateNode {
                    index: *index,
                    tree: *tree,
                    node: *node,
                });
            }
        }
        let sorted = keys.into_iter().map(|(tree, node, _, link)| (tree, node, link)).collect();
        Ok(Self { sorted, links, leaves })
    }

    fn find(&self, tree: i64, node: i64) -> Option<Link> {
        let found = self.sorted.binary_search_by_key(&(tree, node), |(t, n, _)| (*t, *n)).ok()?;
        self.sorted.get(found).map(|(_, _, link)| *link)
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
