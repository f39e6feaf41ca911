//! What a package may be at most. Everything that reads outside data asks here.

/// Upper bounds that are checked before memory is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of `manifest.json`.
    pub manifest_bytes: u64,
    /// Bytes of one other file.
    pub file_bytes: u64,
    /// Bytes of all files together.
    pub package_bytes: u64,
    /// Files, the manifest among them.
    pub files: usize,
    /// Declared input fields.
    pub fields: usize,
    /// Declared features.
    pub features: usize,
    /// Labels, values of one category, rules of a decision, reference cases.
    pub entries: usize,
    /// Bytes of a name, label, path or action.
    pub name_bytes: usize,
    /// Instances in one call of `predict`.
    pub instances: usize,
    /// Bytes of one JSON instance of a tabular model.
    pub json_bytes: usize,
    /// Bytes of one JSON instance of an image or text model.
    pub media_json_bytes: usize,
    /// Bytes of one encoded picture.
    pub image_bytes: usize,
    /// Pixels of one picture, as decoded and after every step.
    pub pixels: u64,
    /// Bytes of one text.
    pub text_bytes: usize,
    /// Tokens that enter the graph for one instance.
    pub tokens: u32,
    /// Objects in one prediction of a detector.
    pub objects: u32,
}

impl Limits {
    /// The limits of this version of the format, the same in every host.
    pub const DEFAULT: Self = Self {
        manifest_bytes: 4 << 20,
        file_bytes: 1 << 30,
        package_bytes: 3 << 29,
        files: 64,
        fields: 4096,
        features: 4096,
        entries: 65_536,
        name_bytes: 256,
        instances: 10_000,
        json_bytes: 1 << 20,
        media_json_bytes: 48 << 20,
        image_bytes: 32 << 20,
        pixels: 50_000_000,
        text_bytes: 1 << 20,
        tokens: 8192,
        objects: 1000,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
