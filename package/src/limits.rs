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
    /// Bytes of one JSON instance.
    pub json_bytes: usize,
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
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
