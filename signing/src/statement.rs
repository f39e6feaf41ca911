//! The in-toto statement: what a signature says of a model's files.
//!
//! The predicate is version 1.0 of model signing's: a list of files with their digests, and how it
//! was made. The subject's digest is the sha256 of those digests, one after the other.

use std::collections::BTreeMap;

use model_package::{Digest, strict_json};
use serde::{Deserialize, Serialize};

use crate::SignatureError;
use crate::envelope::shortened;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://model_signing/signature/v1.0";
const METHOD: &str = "files";
const SHA256: &str = "sha256";

/// The files of a model, each with its digest, and the name that the signer gave the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    name: String,
    files: BTreeMap<String, Digest>,
    ignored: Vec<String>,
}

impl Statement {
    /// A statement about these files. Verifiers look at no file whose path is, or begins with, one
    /// that is `ignored`.
    #[must_use]
    pub fn new(name: String, files: BTreeMap<String, Digest>, ignored: Vec<String>) -> Self {
        Self { name, files, ignored }
    }

    /// What the signer called the model: often the folder's name, and no more than a remark.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The files' paths and digests.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Digest> {
        &self.files
    }

    /// Reads a statement, after its signature was verified.
    ///
    /// # Errors
    /// If it is not one, of another version, or contradicts itself.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let document: Document =
            strict_json::from_slice(bytes).map_err(SignatureError::Statement)?;
        expect("_type", &document.kind, STATEMENT)?;
        expect("predicateType", &document.predicate_type, PREDICATE)?;
        let [subject] = document.subject.as_slice() else {
            let found = format!("{} subjects", document.subject.len());
            return Err(SignatureError::Value { field: "subject", found, expected: "one" });
        };
        let Predicate { serialization, resources } = document.predicate;
        expect("serialization.method", &serialization.method, METHOD)?;
        expect("serialization.hash_type", &serialization.hash_type, SHA256)?;

        let mut files = BTreeMap::new();
        let mut digests = Vec::with_capacity(32 * resources.len());
        for Resource { name, algorithm, digest } in resources {
            expect("resources.algorithm", &algorithm, SHA256)?;
            let digest = parse_digest("resources.digest", &digest)?;
            digests.extend_from_slice(digest.as_bytes());
            if files.contains_key(&name) {
                return Err(SignatureError::Twice { file: shortened(&name) });
            }
            files.insert(name, digest);
        }
        let expected = parse_digest("subject.digest.sha256", &subject.digest.sha256)?;
        let found = Digest::of(&digests);
        if found != expected {
            return Err(SignatureError::RootDigest { found, expected });
        }
        let name = subject.name.clone();
        Ok(Self { name, files, ignored: serialization.ignore_paths })
    }

    /// Writes the statement. The same files give the same bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut files: Vec<_> = self.files.iter().collect();
        // The order of the format: by the parts of the path.
        files.sort_by(|(a, _), (b, _)| a.split('/').cmp(b.split('/')));
        let digests: Vec<u8> =
            files.iter().flat_map(|(_, digest)| digest.as_bytes().iter().copied()).collect();
        let resource = |(name, digest): &(&String, &Digest)| Resource {
            name: (*name).clone(),
            algorithm: SHA256.into(),
            digest: digest.hex(),
        };
        let document = Document {
            kind: STATEMENT.into(),
            subject: vec![Subject {
                name: self.name.clone(),
                digest: SubjectDigest { sha256: Digest::of(&digests).hex() },
            }],
            predicate_type: PREDICATE.into(),
            predicate: Predicate {
                serialization: Serialization {
                    method: METHOD.into(),
                    hash_type: SHA256.into(),
                    allow_symlinks: false,
                    ignore_paths: self.ignored.clone(),
                },
                resources: files.iter().map(resource).collect(),
            },
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

fn expect(field: &'static str, found: &str, expected: &'static str) -> Result<(), SignatureError> {
    if found == expected {
        return Ok(());
    }
    Err(SignatureError::Value { field, found: shortened(found), expected })
}

fn parse_digest(field: &'static str, hex: &str) -> Result<Digest, SignatureError> {
    format!("sha256:{hex}").parse().map_err(|_| SignatureError::Value {
        field,
        found: shortened(hex),
        expected: "64 lower-case hexadecimal digits",
    })
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: SubjectDigest,
}

#[derive(Serialize, Deserialize)]
struct SubjectDigest {
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Predicate {
    serialization: Serialization,
    resources: Vec<Resource>,
}

#[derive(Serialize, Deserialize)]
struct Serialization {
    method: String,
    hash_type: String,
    allow_symlinks: bool,
    #[serde(default)]
    ignore_paths: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Resource {
    name: String,
    algorithm: String,
    digest: String,
}
