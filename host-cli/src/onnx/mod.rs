//! ONNX files as this program looks at them: what a model takes and gives, the values of test data,
//! and weights that lie in files of their own. Everything else in a model is the component's
//! business.

pub(crate) mod external;
pub(crate) mod proto;
pub(crate) mod value;
