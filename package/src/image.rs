//! How a picture becomes a tensor. The keys are those of Hugging Face's `preprocessor_config.json`
//! where it has one, and every step computes what Pillow and NumPy compute there.

use serde::{Deserialize, Serialize};

/// The steps from a decoded picture to the graph's input, in the order of these fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ImageSpec {
    /// Largest accepted picture, width times height. Absent: the format's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pixels: Option<u64>,
    /// What shows through transparent pixels.
    #[serde(default, skip_serializing_if = "is_default")]
    pub transparency: Transparency,
    /// The channels and their order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub channels: Channels,
    /// Drawings: find the ink and centre it. Stands in the place of resize, crop and padding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ink: Option<Ink>,
    /// Scale the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
    /// Cut the middle out; where the picture is smaller, zeros surround it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub center_crop: Option<Extent>,
    /// Surround the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<Pad>,
    /// Multiply each value (0 to 255) by this (`rescale_factor`, often 1/255).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescale: Option<f64>,
    /// Subtract a mean and divide by a deviation, channel by channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
    /// The order of the tensor's dimensions.
    #[serde(default, skip_serializing_if = "is_default")]
    pub layout: Layout,
}

/// What shows through transparent pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Transparency {
    /// The colour that is stored for them, as Pillow's `convert("RGB")` does.
    #[default]
    Drop,
    /// White paper.
    White,
    /// A black ground.
    Black,
}

/// The channels of the tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One channel, ITU-R 601 luma as in Pillow's `convert("L")`.
    Gray,
}

impl Channels {
    /// How many there are.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Gray => 1,
        }
    }
}

/// The order of the tensor's dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `[N, channels, height, width]`.
    #[default]
    Nchw,
    /// `[N, height, width, channels]`.
    Nhwc,
}

/// A width and a height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Extent {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// How to scale. Either `width` and `height`, or one or both edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// To this width, whatever the proportions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// To this height, whatever the proportions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Keep the proportions; the shorter edge gets this length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortest_edge: Option<u32>,
    /// Keep the proportions; the longer edge gets this length or, beside `shortest_edge`, at most
    /// this length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_edge: Option<u32>,
    /// How new pixels come from old ones (`resample`).
    #[serde(default)]
    pub filter: Filter,
}

/// Pillow's resampling filters, with its antialiasing when scaling down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The pixel at that place (0 in `preprocessor_config.json`).
    Nearest,
    /// Support of 3 pixels (1).
    Lanczos,
    /// Support of 1 pixel (2).
    #[default]
    Bilinear,
    /// Support of 2 pixels, a = -0.5 (3).
    Bicubic,
    /// Support of half a pixel (4).
    Box,
    /// Support of 1 pixel (5).
    Hamming,
}

/// How to surround a picture. A picture that is larger is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// Pixels in a row afterwards.
    pub width: u32,
    /// Rows afterwards.
    pub height: u32,
    /// The value of the new pixels, before rescaling.
    #[serde(default)]
    pub value: u8,
    /// Where the picture lies.
    #[serde(default)]
    pub position: Position,
}

/// Where a picture lies in its surroundings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// In the middle; an odd pixel goes to the right and below.
    #[default]
    Center,
    /// In the upper left corner.
    TopLeft,
}

/// Subtract `mean`, divide by `std`, one number for each channel in the tensor's order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// Subtracted (`image_mean`).
    pub mean: Vec<f64>,
    /// Divided by (`image_std`).
    pub std: Vec<f64>,
}

/// Find the ink of a drawing, scale it to a box and centre its mass, as the MNIST database does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ink {
    /// Width and height of the result (MNIST: 28).
    pub size: u32,
    /// The length that the longer side of the ink gets (MNIST: 20).
    #[serde(rename = "box")]
    pub inner: u32,
    /// From which value on, of 255, a pixel is ink. The ground is 0 and the darkest ink 255.
    #[serde(default = "ink_threshold")]
    pub threshold: u8,
}

fn ink_threshold() -> u8 {
    64
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
