//! What can be wrong with an ensemble, in the words of the model's author: the attribute, the
//! position in it and the value found there.

/// Why an ensemble was refused, or could not be evaluated on these rows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum EnsembleError {
    /// A required attribute is absent or empty.
    #[error("attribute {attribute} is required and must not be empty")]
    Missing {
        /// The attribute at fault; it means the same in the variants below.
        attribute: &'static str,
    },
    /// Two attributes that run in parallel differ in length.
    #[error("attribute {attribute} has {found} elements, but {against} has {expected}")]
    Length { attribute: &'static str, found: usize, expected: usize, against: &'static str },
    /// The same values were given as floats and as a tensor.
    #[error("attributes {first} and {second} exclude each other, but both are set")]
    Exclusive { first: &'static str, second: &'static str },
    /// A word or number outside an enumeration.
    #[error("attribute {attribute}[{index}] is {found}; accepted are {accepted}")]
    Unknown { attribute: &'static str, index: usize, found: String, accepted: &'static str },
    /// An id or index below its lowest or above its highest value.
    #[error("attribute {attribute}[{index}] is {found}; it must lie in 0..={highest}")]
    OutOfRange { attribute: &'static str, index: usize, found: i64, highest: i64 },
    /// A count below one or above what this core accepts.
    #[error("{attribute} is {found}; it must lie in 1..={highest}")]
    Count { attribute: &'static str, found: i64, highest: i64 },
    /// Two nodes of a tree have the same id.
    #[error("nodes_nodeids[{index}] repeats node {node} of tree {tree}")]
    DuplicateNode { index: usize, tree: i64, node: i64 },
    /// The nodes of a tree do not follow each other.
    #[error("nodes_treeids[{index}] returns to tree {tree}, whose nodes must be contiguous")]
    ScatteredTree { index: usize, tree: i64 },
    /// A branch leads to a node that its tree does not have.
    #[error("{attribute}[{index}] leads to node {node}, which tree {tree} does not have")]
    MissingChild { attribute: &'static str, index: usize, tree: i64, node: i64 },
    /// A weight is for a node that does not exist.
    #[error(
        "{attribute}[{index}] gives a weight to node {node} of tree {tree}, which does not exist"
    )]
    MissingLeaf { attribute: &'static str, index: usize, tree: i64, node: i64 },
    /// Following the branches returns to a node that was passed already.
    #[error("node at position {index} of the nodes_* attributes is part of a cycle")]
    Cycle { index: usize },
    /// No root leads to a node.
    #[error("node at position {index} of the nodes_* attributes cannot be reached from a root")]
    Unreachable { index: usize },
    /// The number of base values fits neither the classes nor the targets.
    #[error("attribute {attribute} has {found} elements; accepted are {accepted}")]
    BaseValues { attribute: &'static str, found: usize, accepted: String },
    /// The sets of members do not match the nodes that test membership.
    #[error(
        "membership_values has {found} sets of values, but nodes_modes has {expected} BRANCH_MEMBER nodes"
    )]
    Membership { found: usize, expected: usize },
    /// Doubles in an ensemble whose input has less precision.
    #[error("attribute {attribute} holds doubles, but the input is {input}; it must be float64")]
    Precision { attribute: &'static str, input: String },
    /// The rows have fewer columns than the ensemble reads.
    #[error("the ensemble reads feature {feature}, but the input has {width} features")]
    Width { feature: usize, width: usize },
}
