//! The tree ensembles of `ai.onnx.ml`: `TreeEnsembleClassifier` and `TreeEnsembleRegressor`
//! (versions 1 and 3) and `TreeEnsemble` (version 5).
//!
//! ```text
//! NodeProto ─ attribute ─► classic | indexed ─► description ─► ensemble ─► classifier | regressor
//!             (typed reads)  (validation)       (one form)     (flat)      (scores, labels)
//! ```
//!
//! Only [`attribute`], [`node`], [`operator`] and [`winners`] know tract; everything between them is
//! plain data. Nothing here is trusted: a model is checked completely when it is loaded, and what
//! remains for a call is whether the rows are wide enough.
//!
//! What the ONNX specification leaves open is settled the way ONNX Runtime 1.32 settles it. Sums
//! run in the order in which the trees are declared and a row's additions do not depend on the rows
//! around it, so a row's result has the same bits in every batch.

mod attribute;
mod classic;
mod classifier;
mod description;
mod ensemble;
mod error;
mod indexed;
mod node;
mod operator;
mod regressor;
mod winners;

/// Registers the three operators.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    let operators = &mut onnx.op_register;
    operators.insert("TreeEnsembleClassifier", node::tree_ensemble_classifier);
    operators.insert("TreeEnsembleRegressor", node::tree_ensemble_regressor);
    operators.insert("TreeEnsemble", node::tree_ensemble);
}
