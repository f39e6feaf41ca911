//! The trust policy: whose signature a model of which name needs.
//!
//! A policy is a JSON document; a public key or root certificates in PEM are one, too, that trusts
//! them with every model. What no rule allows is refused, unsigned models among it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use model_package::{Digest, strict_json};
use serde::Deserialize;

use crate::certificate::{self, Certified};
use crate::envelope::{Envelope, Material, STATEMENT};
use crate::{Certificates, KeyError, PolicyError, PublicKey, Roots, Statement, TrustError};

const FORMAT: &str = "samebits-trust/1";
/// The largest policy, and the largest file that it names, in bytes.
const BYTES: u64 = 1 << 20;
/// The most rules, and the most entries of each list in a rule.
const ENTRIES: usize = 1024;

/// Whom to trust with which models.
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    rules: Vec<Rule>,
    encrypted: bool,
    sealed: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    models: Vec<Pattern>,
    keys: Vec<PublicKey>,
    roots: Option<Roots>,
    /// Whom of those that the roots certify; all if empty.
    identities: Vec<Pattern>,
    unsigned: bool,
}

/// A name, or the beginning of names.
#[derive(Clone, Debug)]
enum Pattern {
    Exactly(String),
    Begins(String),
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signer {
    /// The holder of a key.
    Key {
        /// The sha256 digest of the key's PEM text.
        hint: String,
        /// The key's algorithm.
        algorithm: &'static str,
    },
    /// Somebody whose certificate leads to a trusted root.
    Certificate {
        /// What the certificate calls them.
        names: Vec<String>,
        /// The algorithm of their key.
        algorithm: &'static str,
    },
}

/// A model that a policy trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    signer: Option<Signer>,
    files: usize,
}

impl Trusted {
    /// Who signed the model; nobody if the policy accepts it unsigned.
    #[must_use]
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// How many files were compared with the signature.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files
    }
}

impl TrustPolicy {
    /// Reads a policy, and the files with keys and certificates that it names, which lie relative
    /// to its own.
    ///
    /// # Errors
    /// If a file can't be read, or is not what it should be.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let text = read_text(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::from_text(&text, |name| read_text(&folder.join(name)))
    }

    /// Reads a policy that names no files: keys and certificates are in it.
    ///
    /// # Errors
    /// If it is not a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Self::from_text(text, |name| {
            let message = format!("expected text in PEM, found {name:?}");
            Err(PolicyError::Value { field: "keys and certificates".into(), message })
        })
    }

    fn from_text(
        text: &str,
        load: impl Fn(&str) -> Result<String, PolicyError>,
    ) -> Result<Self, PolicyError> {
        if !text.trim_start().starts_with('{') {
            return Self::from_pem(text);
        }
        let document: Document =
            strict_json::from_slice(text.as_bytes()).map_err(PolicyError::Json)?;
        if document.format != FORMAT {
            let message = format!("expected {FORMAT:?}, found {:?}", document.format);
            return Err(PolicyError::Value { field: "format".into(), message });
        }
        at_most("rules", document.rules.len())?;
        let rules = document.rules.into_iter().enumerate();
        let rules = rules.map(|(index, rule)| rule.read(&format!("rules[{index}]"), &load));
        let (mut encrypted, mut sealed) = (false, false);
        if let Some(Storage { encryption, require_encryption }) = document.storage {
            if encryption.is_none() && require_encryption.is_none() {
                let message = "expected encryption or require_encryption".into();
                return Err(PolicyError::Value { field: "storage".into(), message });
            }
            encrypted = matches!(encryption, Some(Encryption::Kms));
            sealed = require_encryption.unwrap_or_default();
        }
        Ok(Self { rules: rules.collect::<Result<_, _>>()?, encrypted, sealed })
    }

    /// A policy that trusts keys or root certificates with every model.
    fn from_pem(text: &str) -> Result<Self, PolicyError> {
        let wrong = |error| PolicyError::Key { field: "the document".into(), error };
        let mut rule = Rule {
            models: vec![Pattern::Begins(String::new())],
            keys: Vec::new(),
            roots: None,
            identities: Vec::new(),
            unsigned: false,
        };
        if text.contains("-----BEGIN CERTIFICATE-----") {
            let certificates = Certificates::from_pem(text).map_err(wrong)?;
            rule.roots = Some(Roots::new(&certificates).map_err(wrong)?);
        } else if text.contains("PRIVATE KEY-----") {
            return Err(PolicyError::PrivateKey);
        } else {
            rule.keys.push(PublicKey::from_pem(text).map_err(|error| match error {
                KeyError::Missing { .. } => wrong(KeyError::Missing {
                    expected: "JSON object, nor a public key or certificate",
                }),
                error => wrong(error),
            })?);
        }
        Ok(Self { rules: vec![rule], encrypted: false, sealed: false })
    }

    /// Decides whether a model is trusted: its signature, then that it covers each of the files
    /// with these digests, then whether the signer may sign a model of this name.
    ///
    /// The files are those that the host has read and goes on to use; more may be signed. `model`
    /// reads the name out of them, and is asked only when they are what was signed.
    ///
    /// # Errors
    /// The first reason not to trust, or what `model` says.
    pub fn check<E: From<TrustError>>(
        &self,
        signature: Option<&[u8]>,
        files: &BTreeMap<String, Digest>,
        model: impl FnOnce() -> Result<String, E>,
    ) -> Result<Trusted, E> {
        let Some(signature) = signature else {
            let model = model()?;
            if self.accepts_unsigned(&model) {
                return Ok(Trusted { signer: None, files: 0 });
            }
            return Err(TrustError::Unsigned { model }.into());
        };
        let verified = self.verify(signature, STATEMENT)?;
        let statement = Statement::parse(&verified.payload).map_err(TrustError::from)?;
        covers(&statement, files)?;
        let model = model()?;
        verified.trusted_with(&model)?;
        Ok(Trusted { signer: Some(verified.signer), files: files.len() })
    }

    /// The files of a model of this name as somebody trusted signed them, before any of them was
    /// read.
    ///
    /// # Errors
    /// The first reason not to trust the signature.
    pub fn statement(&self, signature: &[u8], model: &str) -> Result<Statement, TrustError> {
        let verified = self.verify(signature, STATEMENT)?;
        verified.trusted_with(model)?;
        Ok(Statement::parse(&verified.payload)?)
    }

    /// The payload of a signed document ([`crate::sign_document`]) about a model of this name, and who
    /// signed it.
    ///
    /// # Errors
    /// The first reason not to trust it.
    pub fn open(
        &self,
        document: &[u8],
        payload_type: &'static str,
        model: &str,
    ) -> Result<(Vec<u8>, Signer), TrustError> {
        let verified = self.verify(document, payload_type)?;
        verified.trusted_with(model)?;
        Ok((verified.payload, verified.signer))
    }

    /// Whether a model of this name may come without a signature.
    #[must_use]
    pub fn accepts_unsigned(&self, model: &str) -> bool {
        self.rules.iter().any(|rule| rule.unsigned && rule.is_for(model))
    }

    /// Whether objects that models come from must be encrypted with a key of AWS KMS.
    #[must_use]
    pub fn wants_encryption(&self) -> bool {
        self.encrypted
    }

    /// Whether packages must have been encrypted before they were written into a store.
    #[must_use]
    pub fn requires_encryption(&self) -> bool {
        self.sealed
    }

    /// Checks the signature itself, and finds the rules that trust its signer with anything.
    fn verify(
        &self,
        signature: &[u8],
        payload_type: &'static str,
    ) -> Result<Verified<'_>, TrustError> {
        let envelope = Envelope::parse(signature, payload_type)?;
        let message = envelope.message();
        let (signer, rules) = match &envelope.material {
            Material::Key { hint } => {
                let key = self.key(hint.as_deref(), &message, &envelope.signature)?;
                let rules = self.rules.iter().filter(|rule| rule.keys.contains(key)).collect();
                let signer = Signer::Key { hint: key.hint(), algorithm: key.algorithm() };
                (signer, rules)
            }
            Material::Certificates(chain) => {
                let (certified, rules) = self.certified(chain)?;
                if !certified.key.verifies(&message, &envelope.signature) {
                    return Err(TrustError::Invalid);
                }
                let algorithm = certified.key.algorithm();
                (Signer::Certificate { names: certified.names, algorithm }, rules)
            }
        };
        Ok(Verified { payload: envelope.payload, signer, rules })
    }

    /// The key that made a signature.
    fn key(
        &self,
        hint: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<&PublicKey, TrustError> {
        let mut known = false;
        for key in self.rules.iter().flat_map(|rule| &rule.keys) {
            if hint.is_some_and(|hint| hint != key.hint()) {
                continue;
            }
            known = true;
            if key.verifies(message, signature) {
                return Ok(key);
            }
        }
        match hint {
            Some(hint) if !known => {
                Err(TrustError::UnknownKey { hint: hint.chars().take(64).collect() })
            }
            _ => Err(TrustError::Invalid),
        }
    }

    /// Who a chain of certificates belongs to, and the rules that trust them.
    fn certified(&self, chain: &[Vec<u8>]) -> Result<(Certified, Vec<&Rule>), TrustError> {
        let mut message = "the policy names no root certificates".to_owned();
        let mut found: Option<Certified> = None;
        let mut rules = Vec::new();
        for rule in &self.rules {
            let Some(roots) = &rule.roots else { continue };
            match certificate::check(chain, roots) {
                Ok(certified) => {
                    let named = |name: &String| rule.identities.iter().any(|one| one.fits(name));
                    if rule.identities.is_empty() || certified.names.iter().any(named) {
                        rules.push(rule);
                    }
                    found = Some(certified);
                }
                Err(reason) => message = reason,
            }
        }
        let certified = found.ok_or(TrustError::Certificates { message })?;
        if rules.is_empty() {
            let names = certified.names.join(", ");
            let message = format!("no rule of the policy names {names}");
            return Err(TrustError::Certificates { message });
        }
        Ok((certified, rules))
    }
}

/// A signature that is valid.
struct Verified<'a> {
    payload: Vec<u8>,
    signer: Signer,
    /// Those that trust the signer.
    rules: Vec<&'a Rule>,
}

impl Verified<'_> {
    /// Whether a rule trusts the signer with a model of this name.
    fn trusted_with(&self, model: &str) -> Result<(), TrustError> {
        if self.rules.iter().any(|rule| rule.is_for(model)) {
            return Ok(());
        }
        Err(TrustError::OtherModel { signer: self.signer.to_string(), model: model.to_owned() })
    }
}

fn covers(statement: &Statement, files: &BTreeMap<String, Digest>) -> Result<(), TrustError> {
    for (file, found) in files {
        let (file, found) = (file.clone(), *found);
        match statement.files().get(&file) {
            Some(expected) if *expected == found => {}
            Some(expected) => {
                return Err(TrustError::Changed { file, found, expected: *expected });
            }
            None => return Err(TrustError::NotCovered { file }),
        }
    }
    Ok(())
}

impl Rule {
    fn is_for(&self, model: &str) -> bool {
        self.models.iter().any(|pattern| pattern.fits(model))
    }
}

impl Pattern {
    fn new(text: String) -> Self {
        match text.strip_suffix('*') {
            Some(beginning) => Self::Begins(beginning.to_owned()),
            None => Self::Exactly(text),
        }
    }

    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Exactly(text) => text == name,
            Self::Begins(text) => name.starts_with(text),
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { hint, algorithm } => write!(f, "the key {hint} ({algorithm})"),
            Self::Certificate { names, algorithm } => {
                let names =
                    if names.is_empty() { "nobody by name".into() } else { names.join(", ") };
                write!(f, "{names} (certificate, {algorithm})")
            }
        }
    }
}

fn read_text(path: &Path) -> Result<String, PolicyError> {
    use std::io::Read as _;

    let failed = |source| PolicyError::Io { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > BYTES {
        let message = format!("more than the {BYTES} bytes that are accepted");
        return Err(PolicyError::Value { field: path.display().to_string(), message });
    }
    Ok(text)
}

fn at_most(field: &str, found: usize) -> Result<(), PolicyError> {
    if found <= ENTRIES {
        return Ok(());
    }
    let message = format!("{found} entries, at most {ENTRIES} are accepted");
    Err(PolicyError::Value { field: field.into(), message })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    rules: Vec<RuleDocument>,
    #[serde(default)]
    storage: Option<Storage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Storage {
    /// At rest, as S3 does it.
    #[serde(default)]
    encryption: Option<Encryption>,
    /// By whoever pushes.
    #[serde(default)]
    require_encryption: Option<bool>,
}

#[derive(Deserialize)]
enum Encryption {
    #[serde(rename = "aws:kms")]
    Kms,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleDocument {
    models: Vec<String>,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    certificates: Vec<String>,
    #[serde(default)]
    identities: Vec<String>,
    #[serde(default)]
    unsigned: bool,
}

impl RuleDocument {
    fn read(
        self,
        at: &str,
        load: &impl Fn(&str) -> Result<String, PolicyError>,
    ) -> Result<Rule, PolicyError> {
        let wrong = |key: &str, message: &str| {
            Err(PolicyError::Value { field: format!("{at}{key}"), message: message.into() })
        };
        for (key, list) in [
            ("models", &self.models),
            ("keys", &self.keys),
            ("certificates", &self.certificates),
            ("identities", &self.identities),
        ] {
            at_most(&format!("{at}.{key}"), list.len())?;
            if list.iter().any(String::is_empty) {
                return wrong(&format!(".{key}"), "an entry is empty");
            }
        }
        if self.models.is_empty() {
            return wrong(".models", "expected the names of models; \"*\" stands for all");
        }
        if self.keys.is_empty() && self.certificates.is_empty() && !self.unsigned {
            return wrong("", "expected keys, certificates, or \"unsigned\": true");
        }
        if self.certificates.is_empty() && !self.identities.is_empty() {
            return wrong(".identities", "these are names in certificates, and the rule has none");
        }
        let text = |entry: &String| {
            if entry.starts_with("-----BEGIN ") { Ok(entry.clone()) } else { load(entry) }
        };
        let mut keys = Vec::new();
        for (index, entry) in self.keys.iter().enumerate() {
            let field = format!("{at}.keys[{index}]");
            let key = PublicKey::from_pem(&text(entry)?);
            keys.push(key.map_err(|error| PolicyError::Key { field, error })?);
        }
        let mut certificates = String::new();
        for entry in &self.certificates {
            certificates += &text(entry)?;
            certificates.push('\n');
        }
        let roots = if self.certificates.is_empty() {
            None
        } else {
            let roots = Certificates::from_pem(&certificates).and_then(|all| Roots::new(&all));
            let field = format!("{at}.certificates");
            Some(roots.map_err(|error| PolicyError::Key { field, error })?)
        };
        Ok(Rule {
            models: self.models.into_iter().map(Pattern::new).collect(),
            keys,
            roots,
            identities: self.identities.into_iter().map(Pattern::new).collect(),
            unsigned: self.unsigned,
        })
    }
}
