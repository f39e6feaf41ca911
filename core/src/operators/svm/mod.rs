//! The support vector machines of `ai.onnx.ml`.
//!
//! | operator | from | to |
//! |---|---|---|
//! | [`SVMClassifier`](https://onnx.ai/onnx/operators/onnx_aionnxml_SVMClassifier.html) | numbers `[N, F]` or `[F]` | labels `[N]`, int64 or strings; scores, float32 `[N, classes]`, or `[N, pairs of classes]` without probabilities |
//! | [`SVMRegressor`](https://onnx.ai/onnx/operators/onnx_aionnxml_SVMRegressor.html) | numbers `[N, F]` or `[F]` | float32 `[N, 1]` |
//!
//! Both are sums of kernels over support vectors, or plain linear models without any. A row's do not
//! depend on the rows around it. What the specification leaves open, rounding among it, follows ONNX
//! Runtime 1.32.

mod classifier;
mod machine;
mod probability;
mod regressor;

/// Registers both operators.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("SVMClassifier", classifier::svm_classifier);
    onnx.op_register.insert("SVMRegressor", regressor::svm_regressor);
}
