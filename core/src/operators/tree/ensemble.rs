//! The flat form in which an ensemble is evaluated. It knows neither ONNX nor tract.
//!
//! Branches lie in one array of 16-byte nodes (24 bytes for doubles), each tree's in the order in
//! which a walk meets them with the false child first, so that a walk mostly moves forward through
//! a few cache lines. A child is a position whose top bit says whether it is a leaf; leaves are not
//! nodes, so a walk ends without touching one. With a single target, a leaf is just its weight.

use super::description::{self, Aggregate, Branch, Description, HIGHEST_FEATURE, Link, Mode};
use super::error::EnsembleError;
use crate::operators::real::Real;

/// Marks a child that is a leaf.
const LEAF: u32 = 1 << 31;

/// Rows are taken in blocks: a block's rows and scores stay in the first-level cache while every
/// tree passes over them.
const BLOCK: usize = 64;

/// Scores held at once; with many targets, blocks have fewer rows.
const MOST_SCORES: usize = 1 << 16;

/// A target's score so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Score<T> {
    pub(super) value: T,
    /// Whether any leaf voted for the target.
    pub(super) voted: bool,
}

impl<T: Real> Score<T> {
    /// The score, or zero when no leaf voted, whatever was added to it since.
    pub(super) fn effective(self) -> T {
        if self.voted { self.value } else { T::default() }
    }
}

/// An interior node.
#[derive(Clone, Copy, Debug)]
struct Node<T> {
    value: T,
    /// The feature in the upper 28 bits, then a bit for `missing_is_true`, then three for the mode.
    test: u32,
    on_true: u32,
    on_false: u32,
}

impl<T> Node<T> {
    const MISSING_IS_TRUE: u32 = 1 << 3;
    const MODE: u32 = 0b111;

    fn feature(&self) -> usize {
        (self.test >> 4) as usize
    }
}

/// What leaves hold.
#[derive(Clone, Debug)]
enum Leaves<T> {
    /// One target: each leaf's weight.
    Weights(Vec<T>),
    /// Several targets: where each leaf's votes start, with one more for the end; and the votes.
    Votes { starts: Vec<usize>, votes: Vec<(usize, T)> },
}

/// An ensemble laid out for evaluation. Every position in it was checked when it was built.
#[derive(Clone, Debug)]
pub(super) struct Ensemble<T> {
    nodes: Vec<Node<T>>,
    roots: Vec<u32>,
    leaves: Leaves<T>,
    /// The ordered set of each node that tests membership, ordered by the node's position.
    sets: Vec<(u32, Vec<T>)>,
    /// The mode of all nodes, when they agree.
    uniform: Option<Mode>,
    aggregate: Aggregate,
    targets: usize,
    /// How many features a row must have.
    features: usize,
}

impl<T: Real> Ensemble<T> {
    /// Lays out a description, refusing cycles and nodes that no root leads to.
    ///
    /// A node may have several parents: exporters write a test of membership as a chain of
    /// equalities whose true branches all lead to the same node.
    pub(super) fn new(
        description: &Description,
        aggregate: Aggregate,
    ) -> Result<Self, EnsembleError> {
        let Description { targets, roots, branches, leaves, .. } = description;
        let order = order(roots, branches)?;
        let mut positions = vec![0_u32; branches.len()];
        for (position, branch) in order.iter().enumerate() {
            if let Some(slot) = positions.get_mut(*branch as usize) {
                *slot = tag(position)?;
            }
        }
        let mut nodes = Vec::with_capacity(order.len());
        let mut sets = Vec::new();
        let ordered = order.iter().filter_map(|at| Some((at, branches.get(*at as usize)?)));
        for (position, (at, branch)) in ordered.enumerate() {
            let missing = u32::from(branch.missing_is_true) * Node::<T>::MISSING_IS_TRUE;
            nodes.push(Node {
                value: T::from_f64(branch.value),
                test: branch.feature << 4 | missing | branch.mode as u32,
                on_true: child(branch.on_true, &positions)?,
                on_false: child(branch.on_false, &positions)?,
            });
            if branch.mode == Mode::Member {
                let members = description.sets.get(at).map_or(&[][..], Vec::as_slice);
                sets.push((tag(position)?, set(members)));
            }
        }
        let mut modes = branches.iter().map(|branch| branch.mode);
        let first = modes.next();
        Ok(Self {
            nodes,
            roots: roots.iter().map(|root| child(*root, &positions)).collect::<Result<_, _>>()?,
            leaves: Leaves::new(*targets, leaves),
            sets,
            uniform: first.filter(|first| modes.all(|mode| mode == *first)),
            aggregate,
            targets: *targets,
            features: branches.iter().map(|branch| branch.feature as usize + 1).max().unwrap_or(0),
        })
    }

    /// The number of targets, at least one.
    pub(super) fn targets(&self) -> usize {
        self.targets
    }

    /// How many trees there are, at least one.
    pub(super) fn trees(&self) -> usize {
        self.roots.len()
    }

    /// How many branches there are; a row passes each at most once.
    pub(super) fn branches(&self) -> usize {
        self.nodes.len()
    }

    /// How the votes are aggregated.
    pub(super) fn aggregate(&self) -> Aggregate {
        self.aggregate
    }

    /// Checks that rows of this width have every feature that a branch reads.
    pub(super) fn check_width(&self, width: usize) -> Result<(), EnsembleError> {
        if self.features <= width {
            return Ok(());
        }
        Err(EnsembleError::Width { feature: self.features - 1, width })
    }

    /// Evaluates `count` rows of `width` features each and calls `finish` with each row's scores,
    /// in order. The scores are sums, minima or maxima; an average is still a sum.
    pub(super) fn evaluate(
        &self,
        rows: &[T],
        count: usize,
        width: usize,
        mut finish: impl FnMut(&mut [Score<T>]),
    ) -> Result<(), EnsembleError> {
        self.check_width(width)?;
        let block = BLOCK.min(MOST_SCORES / self.targets).clamp(1, count.max(1));
        let mut scores = vec![Score::default(); block * self.targets];
        for first in (0..count).step_by(block) {
            let length = block.min(count - first);
            let Some(rows) = rows.get(first * width..(first + length) * width) else { break };
            let Some(scores) = scores.get_mut(..length * self.targets) else { break };
            scores.fill(Score::default());
            self.add(rows, width, scores);
            scores.chunks_exact_mut(self.targets).for_each(&mut finish);
        }
        Ok(())
    }

    /// Adds every tree's votes to the scores of a block of rows. Exporters use one mode for a whole
    /// ensemble, nearly always one of these two, so those have a loop of their own.
    fn add(&self, rows: &[T], width: usize, scores: &mut [Score<T>]) {
        match self.uniform {
            Some(Mode::AtMost) => self.add_with(rows, width, scores, |_, node, x| x <= node.value),
            Some(Mode::Below) => self.add_with(rows, width, scores, |_, node, x| x < node.value),
            _ => self.add_with(rows, width, scores, |at, node, x| self.test(at, node, x)),
        }
    }

    /// Trees are the outer loop, so a tree's nodes are loaded once per block and the walks of
    /// neighbouring rows overlap in the processor. A row's votes still arrive in tree order.
    fn add_with(
        &self,
        rows: &[T],
        width: usize,
        scores: &mut [Score<T>],
        test: impl Fn(u32, &Node<T>, T) -> bool,
    ) {
        for root in &self.roots {
            for (index, scores) in scores.chunks_exact_mut(self.targets).enumerate() {
                let row = rows.get(index * width..(index + 1) * width).unwrap_or_default();
                let leaf = self.walk(*root, row, &test);
                self.vote(leaf, scores);
            }
        }
    }

    /// The leaf that a row falls into. It ends because the layout has no cycles.
    #[expect(clippy::indexing_slicing, reason = "`new` checked positions, `evaluate` the width")]
    fn walk(&self, root: u32, row: &[T], test: &impl Fn(u32, &Node<T>, T) -> bool) -> usize {
        let mut at = root;
        while at & LEAF == 0 {
            let node = &self.nodes[at as usize];
            let x = row[node.feature()];
            let missing = node.test & Node::<T>::MISSING_IS_TRUE != 0 && x.is_nan();
            at = if test(at, node, x) || missing { node.on_true } else { node.on_false };
        }
        (at & !LEAF) as usize
    }

    /// Compares by the node's own mode.
    fn test(&self, at: u32, node: &Node<T>, x: T) -> bool {
        const AT_MOST: u32 = Mode::AtMost as u32;
        const BELOW: u32 = Mode::Below as u32;
        const AT_LEAST: u32 = Mode::AtLeast as u32;
        const ABOVE: u32 = Mode::Above as u32;
        const EQUAL: u32 = Mode::Equal as u32;
        const DIFFERENT: u32 = Mode::Different as u32;
        match node.test & Node::<T>::MODE {
            AT_MOST => x <= node.value,
            BELOW => x < node.value,
            AT_LEAST => x >= node.value,
            ABOVE => x > node.value,
            EQUAL => x == node.value,
            DIFFERENT => x != node.value,
            _ => self.is_member(at, x),
        }
    }

    /// Whether a feature equals a member, as the specification says. ONNX Runtime agrees for whole
    /// numbers; for fractions its answer depends on what else is in the set.
    fn is_member(&self, at: u32, x: T) -> bool {
        let set = self.sets.binary_search_by_key(&at, |(node, _)| *node).ok();
        let Some((_, set)) = set.and_then(|found| self.sets.get(found)) else { return false };
        set.get(set.partition_point(|member| *member < x)).is_some_and(|member| *member == x)
    }

    /// Takes a leaf's votes into account.
    #[expect(clippy::indexing_slicing, reason = "`new` checked leaves and targets")]
    fn vote(&self, leaf: usize, scores: &mut [Score<T>]) {
        match &self.leaves {
            Leaves::Weights(weights) => self.combine(&mut scores[0], weights[leaf]),
            Leaves::Votes { starts, votes } => {
                for (target, weight) in &votes[starts[leaf]..starts[leaf + 1]] {
                    self.combine(&mut scores[*target], *weight);
                }
            }
        }
    }

    fn combine(&self, score: &mut Score<T>, weight: T) {
        match self.aggregate {
            Aggregate::Sum | Aggregate::Average => score.value += weight,
            Aggregate::Min if !score.voted || weight < score.value => score.value = weight,
            Aggregate::Max if !score.voted || weight > score.value => score.value = weight,
            Aggregate::Min | Aggregate::Max => {}
        }
        score.voted = true;
    }
}

impl<T: Real> Leaves<T> {
    fn new(targets: usize, leaves: &description::Leaves) -> Self {
        let votes = leaves.votes.iter();
        if targets == 1 {
            return Self::Weights(votes.map(|vote| T::from_f64(vote.weight)).collect());
        }
        let votes = votes.map(|vote| (vote.target as usize, T::from_f64(vote.weight))).collect();
        Self::Votes { starts: leaves.starts.clone(), votes }
    }
}

/// The members of a set in ascending order; NaN equals nothing and is left out.
fn set<T: Real>(members: &[f64]) -> Vec<T> {
    let mut set: Vec<f64> = members.iter().copied().filter(|member| !member.is_nan()).collect();
    set.sort_unstable_by(f64::total_cmp);
    set.into_iter().map(T::from_f64).collect()
}

/// The branches in the order of a walk from each root in turn, false branches first.
fn order(roots: &[Link], branches: &[Branch]) -> Result<Vec<u32>, EnsembleError> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        /// On the path from the root: meeting it again closes a cycle.
        Open,
        Done,
    }
    enum Step {
        Enter(Link),
        Leave(u32),
    }
    let mut states = vec![State::New; branches.len()];
    let mut order = Vec::with_capacity(branches.len());
    // The stack is a list of its own because the model decides how deep a tree is.
    let mut steps = Vec::new();
    for root in roots {
        steps.push(Step::Enter(*root));
        while let Some(step) = steps.pop() {
            let index = match step {
                Step::Enter(Link::Leaf(_)) => continue,
                Step::Enter(Link::Branch(index)) | Step::Leave(index) => index,
            };
            let (Some(state), Some(branch)) =
                (states.get_mut(index as usize), branches.get(index as usize))
            else {
                continue;
            };
            match (step, *state) {
                (Step::Leave(_), _) => *state = State::Done,
                (Step::Enter(_), State::Done) => {}
                (Step::Enter(_), State::Open) => {
                    return Err(EnsembleError::Cycle { index: branch.origin as usize });
                }
                (Step::Enter(_), State::New) => {
                    *state = State::Open;
                    order.push(index);
                    steps.push(Step::Leave(index));
                    steps.push(Step::Enter(branch.on_true));
                    steps.push(Step::Enter(branch.on_false));
                }
            }
        }
    }
    let unreached = states.iter().position(|state| *state == State::New);
    match unreached.and_then(|index| branches.get(index)) {
        Some(branch) => Err(EnsembleError::Unreachable { index: branch.origin as usize }),
        None => Ok(order),
    }
}

/// A link as a node stores it.
fn child(link: Link, positions: &[u32]) -> Result<u32, EnsembleError> {
    match link {
        Link::Leaf(leaf) => Ok(tag(leaf as usize)? | LEAF),
        Link::Branch(branch) => Ok(positions.get(branch as usize).copied().unwrap_or_default()),
    }
}

/// A position or feature that leaves the bits above it free. Protocol buffers end at 2 GiB, so no
/// file can hold as many nodes as this refuses.
fn tag(value: usize) -> Result<u32, EnsembleError> {
    let highest = i64::from(LEAF - 1);
    u32::try_from(value).ok().filter(|value| value & LEAF == 0).ok_or(EnsembleError::Count {
        attribute: "the number of nodes",
        found: i64::try_from(value).unwrap_or(i64::MAX),
        highest,
    })
}

const _: () = assert!(HIGHEST_FEATURE < 1 << 28, "a node keeps its feature in 28 bits");
