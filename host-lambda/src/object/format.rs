//! What an object holds, by the end of its key.

use model_package::Modality;
use predictor_host::{Class, HostError};

use crate::failure::refused;

/// How an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// From its beginning.
    Stream {
        /// What it holds.
        content: Content,
        /// Whether it is packed.
        gzip: bool,
    },
    /// A table in columns, its description at the end.
    Parquet,
}

/// What the bytes of a stream are once they are unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// One JSON instance a line.
    JsonLines,
    /// One row a record, names in the first.
    Csv,
    /// One text a line.
    Text,
    /// One picture.
    Image,
}

impl Format {
    /// The format of a key, for a model of this modality.
    pub(super) fn of(key: &str, modality: Modality) -> Result<Self, HostError> {
        let name = key.to_ascii_lowercase();
        let (name, gzip) = match name.strip_suffix(".gz") {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        let end = name.rsplit_once('.').map_or("", |(_, end)| end);
        let content = match (end, modality) {
            ("jsonl" | "ndjson", _) => Content::JsonLines,
            ("csv", Modality::Tabular) => Content::Csv,
            // Its columns are packed already, and it is not read from the beginning.
            ("parquet", Modality::Tabular) if !gzip => return Ok(Self::Parquet),
            ("txt", Modality::Text) => Content::Text,
            ("jpg" | "jpeg" | "png" | "webp" | "gif" | "bmp", Modality::Image) => Content::Image,
            _ => {
                let accepted = match modality {
                    Modality::Tabular => ".parquet; or .jsonl, .ndjson or .csv",
                    Modality::Text => ".jsonl, .ndjson or .txt",
                    Modality::Tensors => ".jsonl or .ndjson",
                    Modality::Image => ".jsonl, .ndjson, .jpg, .png, .webp, .gif or .bmp",
                };
                let end: String = end.chars().take(20).collect();
                let message = format!(
                    "an object that ends with {end:?}; expected {accepted}, or .gz of these"
                );
                return Err(refused(Class::UnsupportedInput, "unsupported-object", message));
            }
        };
        Ok(Self::Stream { content, gzip })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_key_says_what_it_holds() {
        let check = |key: &str, modality, expected: Option<(Content, bool)>| {
            let expected = expected.map(|(content, gzip)| Format::Stream { content, gzip });
            assert_eq!(Format::of(key, modality).ok(), expected, "{key}");
        };
        check("a/b.JSONL", Modality::Tabular, Some((Content::JsonLines, false)));
        check("b.ndjson.gz", Modality::Image, Some((Content::JsonLines, true)));
        check("b.csv.gz", Modality::Tabular, Some((Content::Csv, true)));
        check("b.txt", Modality::Text, Some((Content::Text, false)));
        check("b.jpeg", Modality::Image, Some((Content::Image, false)));
        check("b.csv", Modality::Image, None);
        check("b.png", Modality::Tabular, None);
        assert_eq!(Format::of("b.Parquet", Modality::Tabular).ok(), Some(Format::Parquet));
        check("b.parquet.gz", Modality::Tabular, None);
        check("b.parquet", Modality::Image, None);
        check("b", Modality::Tabular, None);
        check("b.gz", Modality::Tabular, None);
    }
}
