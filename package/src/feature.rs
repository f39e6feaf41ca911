//! Feature engineering as data: each feature is one number, computed by one operation from input
//! fields and earlier features.
//!
//! Computation is in IEEE 754 binary64; the value is rounded to binary32 once, when it enters the
//! graph. There are no loops, no conditions beyond `otherwise`, and nothing refers forward, so a
//! feature list always ends, in time proportional to its length.

use serde::{Deserialize, Serialize};

/// One named feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
// `deny_unknown_fields` does not work through `flatten`: strictness comes from the
// operation, which sees every key that is left over.
pub struct Feature {
    /// The name, by which later features refer to it.
    pub name: String,
    /// True if the value is for later features only and does not enter the graph.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
    /// How it is computed.
    #[serde(flatten)]
    pub op: FeatureOp,
}

/// The operations. `of`, `to`, `by`, … name an input field or an earlier feature; a boolean counts
/// as 0 or 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum FeatureOp {
    /// The number itself.
    Value {
        /// A number.
        of: String,
    },
    /// ln(1 + x). An error below or at -1.
    Log1p {
        /// A number.
        of: String,
    },
    /// x / (y + plus).
    Ratio {
        /// The dividend x.
        of: String,
        /// The divisor y.
        to: String,
        /// Added to the divisor.
        #[serde(default)]
        plus: f64,
        /// The value where the divisor is 0.
        otherwise: f64,
    },
    /// x - y.
    Difference {
        /// The minuend x.
        of: String,
        /// The subtrahend y.
        minus: String,
    },
    /// x × y.
    Product {
        /// One factor.
        of: String,
        /// The other one.
        by: String,
    },
    /// x, but at least `min` and at most `max`.
    Clip {
        /// A number.
        of: String,
        /// The lower bound.
        min: f64,
        /// The upper bound, not below `min`.
        max: f64,
    },
    /// Hour of the day in UTC with its fraction, from 0 to below 24.
    Hour {
        /// A timestamp field.
        of: String,
    },
    /// Day of the week in UTC: Monday is 0, Sunday 6.
    Weekday {
        /// A timestamp field.
        of: String,
    },
    /// 1 on Saturday and Sunday in UTC, otherwise 0.
    Weekend {
        /// A timestamp field.
        of: String,
    },
    /// 1 if the hour of the day in UTC lies in `from` ≤ hour < `until`, otherwise 0. Where `from`
    /// is larger than `until`, the interval runs over midnight.
    HourBetween {
        /// A timestamp field.
        of: String,
        /// First hour, 0 to 24.
        from: f64,
        /// End hour, 0 to 24, not included.
        until: f64,
    },
    /// 1 if a string or category field has this value, otherwise 0.
    Is {
        /// A string or category field.
        of: String,
        /// The value to compare with.
        value: String,
    },
    /// 1 if two string or category fields are equal, otherwise 0.
    Same {
        /// One field.
        of: String,
        /// The other one.
        r#as: String,
    },
    /// The index of a category field's value in its declared `values`.
    Code {
        /// A category field.
        of: String,
    },
}
