//! How a model is named: a path, an address, or a place in S3 with a version, an alias or a digest.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use model_package::Digest;

/// The longest name of a model, version or alias, in bytes.
const NAME_BYTES: usize = 128;
/// The longest reference, in bytes.
const BYTES: usize = 1024;

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelRef {
    /// A file or folder, or the name of something that is there already.
    Path(PathBuf),
    /// An archive behind an address of the web.
    Url(String),
    /// A package in a store.
    Store(Reference),
}

/// Where the packages of one model lie: `s3://bucket/prefix/fraud`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The bucket.
    pub bucket: String,
    /// What stands before every key: empty, or ending with a slash.
    pub prefix: String,
    /// The model's name, as in its manifests.
    pub model: String,
}

/// Which package of a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// The one that an alias names now.
    Alias(String),
    /// The one of this version.
    Version(String),
    /// The one with this digest.
    Digest(Digest),
}

/// A package in a store: `s3://bucket/prefix/fraud@champion`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Where.
    pub place: Place,
    /// Which.
    pub which: Which,
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}, found {found:?}")]
pub struct ReferenceError {
    message: &'static str,
    found: String,
}

fn wrong(message: &'static str, found: &str) -> ReferenceError {
    ReferenceError { message, found: found.chars().take(200).collect() }
}

/// Whether a text names a place in S3, rightly or not.
fn is_s3(text: &str) -> bool {
    text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("s3://"))
}

impl FromStr for ModelRef {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if is_s3(text) {
            return text.parse().map(Self::Store);
        }
        if text.starts_with("https://") {
            return Ok(Self::Url(text.to_owned()));
        }
        if let Some((scheme, _)) = text.split_once("://")
            && !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return Err(wrong(
                "expected a path, https://…, or s3://BUCKET/PREFIX/MODEL@WHICH",
                text,
            ));
        }
        Ok(Self::Path(PathBuf::from(text)))
    }
}

impl FromStr for Place {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let expected = "expected s3://BUCKET/PREFIX/MODEL";
        if text.len() > BYTES || !is_s3(text) {
            return Err(wrong(expected, text));
        }
        let path = text.get(5..).unwrap_or_default();
        let (bucket, key) = path.split_once('/').ok_or_else(|| wrong(expected, text))?;
        let (prefix, model) = match key.rsplit_once('/') {
            Some((prefix, model)) => (format!("{prefix}/"), model),
            None => (String::new(), key),
        };
        if !is_bucket(bucket) {
            return Err(wrong("expected the name of a bucket behind s3://", text));
        }
        let odd = |part: &str| part.is_empty() || part == "." || part == "..";
        let inner = prefix.strip_suffix('/');
        if inner.is_some_and(|inner| inner.split('/').any(odd))
            || prefix.chars().any(char::is_control)
        {
            return Err(wrong("expected a prefix without empty parts, `.` and `..`", text));
        }
        if !is_name(model) {
            return Err(wrong(
                "expected a model's name of letters, digits, `-`, `_` and `.` at the end",
                text,
            ));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix, model: model.to_owned() })
    }
}

impl FromStr for Which {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.starts_with("sha256:") {
            let digest = text.parse().map_err(|_| {
                wrong("expected `sha256:` and 64 lower-case hexadecimal digits behind @", text)
            })?;
            return Ok(Self::Digest(digest));
        }
        if !is_name(text) {
            return Err(wrong(
                "expected an alias (@champion), a version (@1.4.0) or a digest (@sha256:…)",
                text,
            ));
        }
        // A version begins with a digit, as semantic versions do; an alias never does.
        match text.starts_with(|first: char| first.is_ascii_digit()) {
            true => Ok(Self::Version(text.to_owned())),
            false => Ok(Self::Alias(text.to_owned())),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let expected = "expected s3://BUCKET/PREFIX/MODEL@WHICH, where WHICH is an alias, a version \
                        or sha256:…";
        // A prefix may have an @, too.
        let name = text.rfind('/').map_or(0, |slash| slash + 1);
        let at = text.get(name..).and_then(|name| name.find('@')).map(|at| name + at);
        let parts = at.and_then(|at| text.split_at_checked(at));
        let Some((place, which)) = parts else { return Err(wrong(expected, text)) };
        let which = which.strip_prefix('@').unwrap_or_default();
        Ok(Self { place: place.parse()?, which: which.parse()? })
    }
}

/// Whether a text can be part of a key: of a model, a version, an alias.
pub(crate) fn is_name(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+');
    !text.is_empty()
        && text.len() <= NAME_BYTES
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(good)
}

fn is_bucket(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    (3..=63).contains(&text.len()) && text.bytes().all(good)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}{}", self.bucket, self.prefix, self.model)
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alias(name) | Self::Version(name) => f.write_str(name),
            Self::Digest(digest) => write!(f, "{digest}"),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.place, self.which)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn references_are_read() {
        let check = |text: &str, prefix: &str, which: Which| {
            let found: Reference = text.parse().unwrap();
            assert_eq!(
                (found.place.bucket.as_str(), found.place.model.as_str()),
                ("models", "fraud")
            );
            assert_eq!((found.place.prefix.as_str(), &found.which), (prefix, &which));
            assert_eq!(found.to_string(), text);
            assert_eq!(text.parse(), Ok(ModelRef::Store(found)));
        };
        check("s3://models/fraud@1.4.0", "", Which::Version("1.4.0".into()));
        check("s3://models/a/b/fraud@champion", "a/b/", Which::Alias("champion".into()));
        check("s3://models/a@b/fraud@v2", "a@b/", Which::Alias("v2".into()));
        let digest = Digest::of(b"x");
        check(&format!("s3://models/fraud@{digest}"), "", Which::Digest(digest));
    }

    #[test]
    fn what_is_none_is_refused_with_what_is_accepted() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Reference>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        };
        check("s3://models/fraud", "expected s3://BUCKET/PREFIX/MODEL@WHICH");
        check("s3://models@champion", "expected s3://BUCKET/PREFIX/MODEL");
        check("s3://m/fraud@champion", "expected the name of a bucket");
        check("s3://models//fraud@champion", "expected a prefix without empty parts");
        check("s3://models/../fraud@champion", "expected a prefix without empty parts");
        check("s3://models/fr aud@champion", "expected a model's name");
        check("s3://models/.fraud@champion", "expected a model's name");
        check("s3://models/fraud@", "expected an alias");
        check("s3://models/fraud@a@b", "expected an alias");
        check("s3://models/fraud@../x", "expected s3://BUCKET/PREFIX/MODEL@WHICH");
        check("s3://models/fraud@sha256:12", "expected `sha256:`");
        check("fraud@champion", "expected s3://BUCKET/PREFIX/MODEL");
    }

    #[test]
    fn other_sources_are_told_apart() {
        let check = |text: &str, expected: Option<ModelRef>| {
            assert_eq!(text.parse::<ModelRef>().ok(), expected, "{text}");
        };
        check("fraud", Some(ModelRef::Path("fraud".into())));
        check("a/b@c", Some(ModelRef::Path("a/b@c".into())));
        check("C:\\models", Some(ModelRef::Path("C:\\models".into())));
        check("https://example.com/x.tar", Some(ModelRef::Url("https://example.com/x.tar".into())));
        for text in ["http://example.com/x.tar", "ftp://a", "s3://a", "S3://models/fraud"] {
            check(text, None);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same(text in "s3://[a-z./@:-]{0,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                proptest::prop_assert_eq!(reference.to_string(), text);
            }
        }
    }
}
