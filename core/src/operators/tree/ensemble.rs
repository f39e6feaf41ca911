//! The flat form in which an ensemble is evaluated. It knows neither ONNX nor tract.
//!
//! Nodes lie in one array, 16 bytes each (24 for doubles): first the branches, each tree's in the order
//! in which a walk meets them with the false child first, so that a walk mostly moves forward through a
//! few cache lines; then the leaves. A leaf leads to itself, so that several walks go on side by side,
//! without a branch for the processor to guess, until the last of them has ended. With a single target,
//! a leaf's value is its weight.

use super::description::{
    self, Aggregate, Branch, Description, HIGHEST_FEATURE, Link, Mode, position,
};
use super::error::EnsembleError;
use crate::operators::real::Real;

/// Walks that go side by side: a step of one waits for memory, and those of the others fill the time.
const LANES: usize = 8;

/// Steps between looks at whether all walks have ended.
const STRIDE: usize = 2;

/// Rows are taken in blocks of about this many numbers: a block stays in the first-level cache while
/// every tree passes over it.
const BLOCK: usize = 1 << 13;

/// The most rows in a block, however narrow they are.
const MOST_ROWS: usize = 1 << 8;

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

/// A branch or a leaf.
#[derive(Clone, Copy, Debug)]
struct Node<T> {
    /// What a branch compares with; what a leaf of a single target weighs.
    value: T,
    /// The feature in the upper 28 bits, then a bit for `missing_is_true`, then three for the mode.
    test: u32,
    /// Where it leads if the test is false, and if it is true.
    next: [u32; 2],
}

impl<T> Node<T> {
    const MISSING_IS_TRUE: u32 = 1 << 3;
    const MODE: u32 = 0b111;

    fn feature(&self) -> usize {
        (self.test >> 4) as usize
    }

    fn missing_is_true(&self) -> bool {
        self.test & Self::MISSING_IS_TRUE != 0
    }
}

/// What the leaves of several targets hold: where each leaf's votes start, with one more for the end;
/// and the votes.
#[derive(Clone, Debug)]
struct Leaves<T> {
    starts: Vec<usize>,
    votes: Vec<(usize, T)>,
}

/// An ensemble laid out for evaluation. Every position in it was checked when it was built.
#[derive(Clone, Debug)]
pub(super) struct Ensemble<T> {
    nodes: Vec<Node<T>>,
    /// How many of the nodes are branches; the others are leaves.
    branches: u32,
    roots: Vec<u32>,
    /// `None` for a single target.
    leaves: Option<Leaves<T>>,
    /// The ordered set of each node that tests membership, ordered by the node's position.
    sets: Vec<(u32, Vec<T>)>,
    /// The mode of all nodes, when they agree.
    uniform: Option<Mode>,
    /// Whether a missing feature leads to the true branch anywhere.
    missing_is_true: bool,
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
        let mut places = Places { branches: vec![0; branches.len()], first_leaf: 0 };
        for (place, branch) in order.iter().enumerate() {
            if let Some(slot) = places.branches.get_mut(*branch as usize) {
                *slot = position(place)?;
            }
        }
        places.first_leaf = position(order.len())?;
        let leaf_count = leaves.starts.len().saturating_sub(1);
        position(order.len().saturating_add(leaf_count))?;

        let mut nodes = Vec::with_capacity(order.len() + leaf_count);
        let mut sets = Vec::new();
        let ordered = order.iter().filter_map(|at| Some((at, branches.get(*at as usize)?)));
        for (place, (at, branch)) in ordered.enumerate() {
            let missing = u32::from(branch.missing_is_true) * Node::<T>::MISSING_IS_TRUE;
            nodes.push(Node {
                value: T::from_f64(branch.value),
                test: branch.feature << 4 | missing | branch.mode as u32,
                next: [places.of(branch.on_false), places.of(branch.on_true)],
            });
            if branch.mode == Mode::Member {
                let members = description.sets.get(at).map_or(&[][..], Vec::as_slice);
                sets.push((position(place)?, set(members)));
            }
        }
        for leaf in 0..leaf_count {
            // With several targets a leaf's value is not looked at.
            let weight = leaves.votes.get(leaf).map_or(0.0, |vote| vote.weight);
            let itself = position(order.len() + leaf)?;
            nodes.push(Node { value: T::from_f64(weight), test: 0, next: [itself; 2] });
        }
        let mut modes = branches.iter().map(|branch| branch.mode);
        let first = modes.next();
        Ok(Self {
            nodes,
            branches: places.first_leaf,
            roots: roots.iter().map(|root| places.of(*root)).collect(),
            leaves: (*targets > 1).then(|| Leaves::new(leaves)),
            sets,
            uniform: first.filter(|first| modes.all(|mode| mode == *first)),
            missing_is_true: branches.iter().any(|branch| branch.missing_is_true),
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
        self.branches as usize
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
        // A leaf reads the first feature, too, though nothing comes of it.
        if width == 0 {
            return self.evaluate(&vec![T::default(); count], count, 1, finish);
        }
        let most = (BLOCK / width).clamp(LANES, MOST_ROWS).min(MOST_SCORES / self.targets);
        let block = most.clamp(1, count.max(1));
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
    /// ensemble, nearly always one of these two, so those have a loop of their own; and one more for
    /// rows in which nothing is missing.
    fn add(&self, rows: &[T], width: usize, scores: &mut [Score<T>]) {
        let missing = self.missing_is_true && rows.iter().any(|x| x.is_nan());
        match (self.uniform, missing) {
            (Some(Mode::AtMost), false) => {
                self.add_with(rows, width, scores, |_, node, x| x <= node.value);
            }
            (Some(Mode::Below), false) => {
                self.add_with(rows, width, scores, |_, node, x| x < node.value);
            }
            (Some(Mode::AtMost), true) => {
                let test = |node: &Node<T>, x: T| x.is_nan() & node.missing_is_true();
                self.add_with(rows, width, scores, |_, node, x| (x <= node.value) | test(node, x));
            }
            (Some(Mode::Below), true) => {
                let test = |node: &Node<T>, x: T| x.is_nan() & node.missing_is_true();
                self.add_with(rows, width, scores, |_, node, x| (x < node.value) | test(node, x));
            }
            _ => self.add_with(rows, width, scores, |at, node, x| {
                self.test(at, node, x) | (x.is_nan() & node.missing_is_true())
            }),
        }
    }

    /// Walks several rows through a tree at once. The trees are the outer loop, so a tree's nodes are
    /// loaded once for a block. What is left, or comes alone, walks through several trees at once.
    /// Either way a row's votes arrive in the order of the trees.
    fn add_with(
        &self,
        rows: &[T],
        width: usize,
        scores: &mut [Score<T>],
        test: impl Fn(u32, &Node<T>, T) -> bool,
    ) {
        let groups = rows.chunks_exact(LANES * width);
        let (together, alone) = scores.split_at_mut(groups.len() * LANES * self.targets);
        for root in &self.roots {
            let scores = together.chunks_exact_mut(LANES * self.targets);
            for (rows, scores) in groups.clone().zip(scores) {
                let leaves = self.walk([*root; LANES], rows, width, &test);
                for (leaf, scores) in leaves.iter().zip(scores.chunks_exact_mut(self.targets)) {
                    self.vote(*leaf, scores);
                }
            }
        }
        let rows = groups.remainder().chunks_exact(width);
        for (row, scores) in rows.zip(alone.chunks_exact_mut(self.targets)) {
            for roots in self.roots.chunks(LANES) {
                // A lane without a tree stands at a leaf.
                let mut at = [self.branches; LANES];
                for (at, root) in at.iter_mut().zip(roots) {
                    *at = *root;
                }
                for (leaf, _) in self.walk(at, row, 0, &test).iter().zip(roots) {
                    self.vote(*leaf, scores);
                }
            }
        }
    }

    /// The leaves in which walks end that begin at these nodes. Each reads the row that begins
    /// `stride` numbers after that of the lane before. It ends because the layout has no cycles.
    #[expect(clippy::indexing_slicing, reason = "`new` checked positions, `evaluate` the width")]
    fn walk(
        &self,
        mut at: [u32; LANES],
        rows: &[T],
        stride: usize,
        test: &impl Fn(u32, &Node<T>, T) -> bool,
    ) -> [u32; LANES] {
        let nodes = self.nodes.as_slice();
        while at.iter().fold(u32::MAX, |least, at| least.min(*at)) < self.branches {
            for _ in 0..STRIDE {
                for (lane, at) in at.iter_mut().enumerate() {
                    let node = &nodes[*at as usize];
                    let x = rows[lane * stride + node.feature()];
                    *at = node.next[usize::from(test(*at, node, x))];
                }
            }
        }
        at
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
    fn vote(&self, leaf: u32, scores: &mut [Score<T>]) {
        match &self.leaves {
            None => self.combine(&mut scores[0], self.nodes[leaf as usize].value),
            Some(Leaves { starts, votes }) => {
                let leaf = (leaf - self.branches) as usize;
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
    fn new(leaves: &description::Leaves) -> Self {
        let votes = leaves.votes.iter();
        let votes = votes.map(|vote| (vote.target as usize, T::from_f64(vote.weight))).collect();
        Self { starts: leaves.starts.clone(), votes }
    }
}

/// Where nodes lie.
struct Places {
    /// The position of each branch.
    branches: Vec<u32>,
    first_leaf: u32,
}

impl Places {
    fn of(&self, link: Link) -> u32 {
        match link {
            Link::Leaf(leaf) => self.first_leaf + leaf,
            Link::Branch(branch) => self.branches.get(branch as usize).copied().unwrap_or_default(),
        }
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

const _: () = assert!(HIGHEST_FEATURE < 1 << 28, "a node keeps its feature in 28 bits");
