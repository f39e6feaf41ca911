//! What the outputs of image and text models mean.

use serde::{Deserialize, Serialize};

/// What turns an output into probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// One of the labels holds.
    Softmax,
    /// Each label holds or does not, whatever the others.
    Sigmoid,
}

/// The label for what is not clear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Neutral {
    /// What to call it; not one of the labels.
    pub label: String,
    /// It stands where the largest probability is below this.
    pub below: f64,
}

/// How a text's vector comes from the graph's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// The output: float32, `[N, tokens, size]`, or `[N, size]` for `none`.
    pub output: String,
    /// From vectors of tokens to one.
    pub pooling: Pooling,
    /// True if the vector is scaled to length 1.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalize: bool,
}

/// From vectors of tokens to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean; tokens that only fill up do not count.
    Mean,
    /// The first one's.
    Cls,
    /// The graph did it.
    None,
}

/// How entities come from the labels of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Aggregation {
    /// Each token whose label is not `O` is one.
    None,
    /// Neighbours of one kind are one, by the prefixes `B-` and `I-` of their labels.
    Simple,
}

/// How boxes come from the graph's outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Detection {
    /// The outputs and what is in them.
    pub form: DetectionForm,
    /// Objects with a lower score are left out.
    pub threshold: f64,
    /// Of two boxes of one label that overlap by more than this (intersection over union), the one
    /// with the lower score is left out. Absent: all stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_overlap: Option<f64>,
    /// Most objects in a prediction, the highest scores first.
    pub max_objects: u32,
}

/// The common forms of detectors' outputs. Boxes are centre x, centre y, width, height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum DetectionForm {
    /// One output, float32, of rows (box in pixels of the graph's input, objectness where there is
    /// one, a probability for each label).
    Yolo {
        /// The output.
        output: String,
        /// True if there is an objectness, which every probability is multiplied by.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        objectness: bool,
        /// True for `[N, row, boxes]` instead of `[N, boxes, row]`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        transposed: bool,
    },
    /// Two outputs, float32: logits `[N, queries, labels]` and boxes `[N, queries, 4]` from 0 to 1.
    /// With softmax the logits have one more column, the last, for no object.
    Detr {
        /// The output with the logits.
        logits: String,
        /// The output with the boxes.
        boxes: String,
        /// What turns logits into scores.
        activation: Activation,
    },
}
