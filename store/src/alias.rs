//! An alias: a small signed document that says which packages of a model serve now.
//!
//! It carries a counter that grows with every change, and the moments from which and until which it
//! holds, so that an older alias can't be put back without a host seeing it.

use std::time::{Duration, SystemTime};

use model_package::{Digest, strict_json};
use model_signing::{Identity, KeyError, PrivateKey, Signer, TrustPolicy, sign_document};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::reference::is_name;
use crate::{Canary, Share, StoreError};

/// What the envelope says of its payload.
const PAYLOAD_TYPE: &str = "application/vnd.samebits.alias+json";
const FORMAT: &str = "samebits-alias/1";
/// The most versions behind one alias.
const VERSIONS: usize = 16;
/// How far clocks may be apart.
const SKEW: Duration = Duration::from_secs(300);

/// A package by its digest, and the version that its manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The digest that names the package.
    pub package: Digest,
    /// The version in its manifest.
    pub version: String,
}

/// What an alias says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    format: String,
    /// Its own name.
    pub alias: String,
    /// The model's name.
    pub model: String,
    /// Grows with every change.
    pub counter: u64,
    /// From when on it holds (RFC 3339).
    pub issued: String,
    /// Until when (RFC 3339).
    pub expires: String,
    /// What serves, each with its share of the requests.
    versions: Vec<ShareDocument>,
    /// What runs beside it, without anybody getting its answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Pin>,
    /// What is on trial, with a share that grows with time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
}

/// A share as the document has it: `flatten` and unknown keys don't go together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShareDocument {
    package: Digest,
    version: String,
    weight: u32,
}

/// An alias as it came, after its signature was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct AliasDocument {
    /// What it says.
    pub alias: Alias,
    /// Who says so.
    pub signer: Signer,
    /// The bytes of the signed document.
    pub bytes: Vec<u8>,
    /// S3's ETag of them, if they came from there.
    pub etag: String,
}

impl Alias {
    /// A new alias, or a changed one: `counter` is one more than that of the one before.
    #[must_use]
    pub fn new(
        model: &str,
        alias: &str,
        counter: u64,
        lasting: Duration,
        versions: &[Share],
        shadow: Option<Pin>,
        now: SystemTime,
    ) -> Self {
        let documents = versions.iter().map(|share| ShareDocument {
            package: share.pin.package,
            version: share.pin.version.clone(),
            weight: share.weight,
        });
        Self {
            format: FORMAT.into(),
            alias: alias.to_owned(),
            model: model.to_owned(),
            counter,
            issued: text_of(now),
            expires: text_of(now + lasting),
            versions: documents.collect(),
            shadow,
            canary: None,
        }
    }

    /// The same with a version on trial.
    #[must_use]
    pub fn with_canary(self, canary: Option<Canary>) -> Self {
        Self { canary, ..self }
    }

    /// The version that most requests get.
    #[must_use]
    pub fn largest(&self, now: SystemTime) -> Option<Pin> {
        let most = |canary: &&Canary| canary.permille(now) > 500;
        if let Some(canary) = self.canary.as_ref().filter(most) {
            return Some(canary.challenger.clone());
        }
        self.shares().into_iter().max_by_key(|share| share.weight).map(|share| share.pin)
    }

    /// What serves, each with its share.
    #[must_use]
    pub fn shares(&self) -> Vec<Share> {
        let share = |it: &ShareDocument| Share {
            pin: Pin { package: it.package, version: it.version.clone() },
            weight: it.weight,
        };
        self.versions.iter().map(share).collect()
    }

    /// Signs it.
    ///
    /// # Errors
    /// If the certificate is for another key.
    pub fn sign(&self, key: &PrivateKey, identity: &Identity) -> Result<Vec<u8>, KeyError> {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        sign_document(PAYLOAD_TYPE, payload, key, identity)
    }

    /// Opens a signed alias: its signature first, then what it says. `object` is for messages.
    ///
    /// # Errors
    /// If nobody trusted signed it, or it is not the alias of this name of this model.
    pub fn open(
        bytes: &[u8],
        etag: &str,
        trust: &TrustPolicy,
        model: &str,
        name: &str,
        object: &str,
    ) -> Result<AliasDocument, StoreError> {
        let (payload, signer) = trust
            .open(bytes, PAYLOAD_TYPE, model)
            .map_err(|error| StoreError::Trust { object: object.to_owned(), error })?;
        let wrong = |message| StoreError::Document { object: object.to_owned(), message };
        let alias: Self = strict_json::from_slice(&payload)
            .map_err(|error| wrong(format!("not an alias: {error}")))?;
        alias.check().map_err(wrong)?;
        if alias.model != model || alias.alias != name {
            return Err(StoreError::OtherModel {
                object: object.to_owned(),
                found: format!("the alias {} of {}", alias.alias, alias.model),
                expected: format!("the alias {name} of {model}"),
            });
        }
        Ok(AliasDocument { alias, signer, bytes: bytes.to_vec(), etag: etag.to_owned() })
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("format: expected {FORMAT:?}, found {:?}", self.format));
        }
        if self.versions.is_empty() || self.versions.len() > VERSIONS {
            return Err(format!(
                "versions: expected 1 to {VERSIONS}, found {}",
                self.versions.len()
            ));
        }
        if self.versions.iter().all(|share| share.weight == 0) {
            return Err("versions: every weight is 0, so that nothing would serve".into());
        }
        let names = self.versions.iter().map(|share| &share.version);
        let names = names.chain(self.shadow.as_ref().map(|pin| &pin.version));
        let names = names.chain(self.canary.as_ref().map(|canary| &canary.challenger.version));
        for name in names.chain([&self.model, &self.alias]) {
            if !is_name(name) {
                return Err(format!("expected a name of letters and digits, found {name:?}"));
            }
        }
        for (field, text) in [("issued", &self.issued), ("expires", &self.expires)] {
            if moment(text).is_none() {
                return Err(format!(
                    "{field}: expected a moment as RFC 3339 has it, found {text:?}"
                ));
            }
        }
        if let Some(canary) = &self.canary {
            canary.check().map_err(|message| format!("canary.{message}"))?;
            let package = canary.challenger.package;
            if self.versions.iter().any(|share| share.package == package && share.weight > 0) {
                return Err("canary.challenger: it serves already, among versions".into());
            }
        }
        Ok(())
    }

    /// Checks it as whoever reads it will.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn checked(self) -> Result<Self, String> {
        self.check().map(|()| self)
    }

    /// Whether it holds now, and is not older than one that was seen.
    ///
    /// # Errors
    /// If it doesn't, or is.
    pub fn judge(
        &self,
        now: SystemTime,
        seen: Option<u64>,
        object: &str,
    ) -> Result<(), StoreError> {
        let object = object.to_owned();
        if let Some(seen) = seen.filter(|seen| *seen > self.counter) {
            return Err(StoreError::RolledBack { object, found: self.counter, seen });
        }
        let never = SystemTime::UNIX_EPOCH;
        if moment(&self.issued).is_none_or(|issued| issued > now + SKEW) {
            return Err(StoreError::NotYet { object, issued: self.issued.clone() });
        }
        if moment(&self.expires).unwrap_or(never) + SKEW < now {
            return Err(StoreError::Expired { object, expires: self.expires.clone() });
        }
        Ok(())
    }
}

/// The moment that a text says (RFC 3339).
#[must_use]
pub fn moment(text: &str) -> Option<SystemTime> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let seconds = u64::try_from(moment.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// A moment as a text (RFC 3339), in whole seconds.
#[must_use]
pub fn text_of(moment: SystemTime) -> String {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    let moment = OffsetDateTime::from_unix_timestamp(seconds);
    moment.ok().and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Now, as the system says.
#[must_use]
pub fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn key() -> PrivateKey {
        let text = include_str!("../../signing/tests/keys/one.pem");
        PrivateKey::from_pem(text).unwrap()
    }

    fn policy() -> TrustPolicy {
        TrustPolicy::parse(&key().public().to_pem()).unwrap()
    }

    fn alias() -> Alias {
        let pin = Pin { package: Digest::of(b"x"), version: "1.4.0".into() };
        let now = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        Alias::new("fraud", "champion", 7, DAY, &[Share { pin, weight: 1 }], None, now)
    }

    fn open(bytes: &[u8], model: &str, name: &str) -> Result<AliasDocument, StoreError> {
        Alias::open(bytes, "", &policy(), model, name, "here")
    }

    #[test]
    fn what_was_signed_is_opened() {
        let alias = alias();
        let bytes = alias.sign(&key(), &Identity::Key).unwrap();
        assert_eq!(open(&bytes, "fraud", "champion").unwrap().alias, alias);
        for (model, name) in [("digits", "champion"), ("fraud", "challenger")] {
            assert_eq!(open(&bytes, model, name).unwrap_err().code(), "other-model");
        }
    }

    #[test]
    fn no_changed_byte_is_accepted() {
        let bytes = alias().sign(&key(), &Identity::Key).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            if let Ok(opened) = open(&changed, "fraud", "champion") {
                // Space between tokens, or the hint, may differ; what it says may not.
                assert_eq!(opened.alias, alias(), "byte {at}");
            }
        }
        // A signature of a package is none of an alias.
        let statement = model_signing::Statement::new("x".into(), Default::default(), Vec::new());
        let other = model_signing::sign(&statement, &key(), &Identity::Key).unwrap();
        assert_eq!(open(&other, "fraud", "champion").unwrap_err().code(), "malformed-signature");
    }

    #[test]
    fn an_alias_holds_for_its_time_and_never_goes_back() {
        let alias = alias();
        let issued = moment(&alias.issued).unwrap();
        let check = |now: SystemTime, seen: Option<u64>, expected: Option<&str>| {
            let found = alias.judge(now, seen, "here").err().map(|error| error.code());
            assert_eq!(found, expected);
        };
        let minutes = |count: u64| Duration::from_secs(60 * count);
        check(issued, None, None);
        check(issued, Some(7), None);
        check(issued, Some(6), None);
        check(issued, Some(8), Some("rolled-back"));
        // Clocks that are a little apart.
        check(issued - minutes(4), None, None);
        check(issued - minutes(6), None, Some("alias-from-the-future"));
        check(issued + DAY + minutes(4), None, None);
        check(issued + DAY + minutes(6), None, Some("expired-alias"));
    }

    #[test]
    fn a_document_that_says_nothing_good_is_refused() {
        let check = |change: &dyn Fn(&mut Alias), expected: &str| {
            let mut changed = alias();
            change(&mut changed);
            let bytes = changed.sign(&key(), &Identity::Key).unwrap();
            let error = open(&bytes, "fraud", "champion").unwrap_err();
            assert_eq!(error.code(), "invalid-store-document");
            assert!(error.to_string().contains(expected), "{error}");
        };
        check(&|it| it.format = "samebits-alias/2".into(), "expected \"samebits-alias/1\"");
        check(&|it| it.versions.clear(), "expected 1 to 16, found 0");
        check(&|it| it.versions.iter_mut().for_each(|share| share.weight = 0), "every weight is 0");
        let canary = |package: &[u8], permille| Canary {
            challenger: Pin { package: Digest::of(package), version: "1.5.0".into() },
            begins: "2026-11-01T09:00:00Z".into(),
            steps: vec![crate::Step { permille, seconds: None }],
            limits: crate::CanaryLimits {
                decisions: 10,
                error_rate: Some(0.01),
                latency_ratio: None,
                score_shift: None,
            },
        };
        check(&|it| it.canary = Some(canary(b"y", 0)), "canary.steps[0]: expected more than 0");
        check(&|it| it.canary = Some(canary(b"x", 10)), "canary.challenger: it serves already");
        check(&|it| it.expires = "tomorrow".into(), "expires: expected a moment");
        check(&|it| it.versions.iter_mut().for_each(|share| share.version = "../x".into()), "name");
    }
}
