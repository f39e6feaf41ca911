//! Where a copy of the audit records goes (`SAMEBITS_AUDIT_COPY`).

use std::str::FromStr;

use crate::results::Target;

/// Where a copy of the audit records goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CopyPlace {
    /// A delivery stream of Amazon Data Firehose, by its name.
    Firehose(String),
    /// A bucket and the beginning of keys, which ends with a slash if it is not empty.
    S3 { bucket: String, prefix: String },
}

impl FromStr for CopyPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !cfg!(feature = "aws") {
            return Err("this function was built without AWS's services".into());
        }
        if let Some(stream) = text.strip_prefix("firehose:").filter(|name| !name.is_empty()) {
            return Ok(Self::Firehose(stream.to_owned()));
        }
        match text.parse() {
            Ok(Target::S3 { bucket, prefix }) => Ok(Self::S3 { bucket, prefix }),
            _ => Err(format!("expected firehose:STREAM or s3://BUCKET/PREFIX, found {text:?}")),
        }
    }
}

#[cfg(test)]
#[cfg(feature = "aws")]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let s3 = CopyPlace::S3 { bucket: "b".into(), prefix: "audit/".into() };
        assert_eq!("s3://b/audit".parse(), Ok(s3));
        assert_eq!("firehose:audit".parse(), Ok(CopyPlace::Firehose("audit".into())));
        for text in ["", "firehose:", "logs", "kinesis:audit", "s3://"] {
            let error = text.parse::<CopyPlace>().err().unwrap_or_default();
            assert!(error.starts_with("expected firehose:STREAM or s3://"), "{text}: {error}");
        }
    }
}
