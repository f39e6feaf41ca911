//! Whom the user trusts: nobody asked, or a policy that every model has to satisfy.

use std::fmt;

use anyhow::{Context, Result};
use model_package::PackageFile;
use model_signing::{TrustPolicy, Trusted};
use predictor_host::{Baked, HostError, check_package};

use crate::args::Settings;
use crate::failure::InputError;
use crate::model::Model;

/// What `--trust` says.
pub(crate) struct Trust {
    policy: Option<TrustPolicy>,
    /// A signature that lies elsewhere than beside the model's files.
    signature: Option<Vec<u8>>,
}

/// What is known of a model's origin.
pub(crate) enum Origin {
    /// It is part of the program.
    Bundled,
    /// Nobody asked.
    Unchecked { signed: bool },
    /// The policy trusts it.
    Trusted(Trusted),
}

impl Trust {
    /// What the settings say.
    pub(crate) fn from_settings(settings: &Settings) -> Result<Self> {
        let read = |path: &std::path::PathBuf| {
            TrustPolicy::read(path).map_err(|error| {
                InputError(format!("the trust policy {}: {error}", path.display()))
            })
        };
        Ok(Self { policy: settings.trust.as_ref().map(read).transpose()?, signature: None })
    }

    /// The policy, if the settings name one.
    pub(crate) fn policy(self) -> Option<TrustPolicy> {
        self.policy
    }

    /// With a signature from elsewhere.
    pub(crate) fn with_signature(self, signature: Option<Vec<u8>>) -> Self {
        Self { signature, ..self }
    }

    /// The files of a package, if they are trusted.
    ///
    /// # Errors
    /// If they can't be read, or the policy does not trust them.
    pub(crate) fn files(&self, model: &Model) -> Result<(Vec<PackageFile>, Origin)> {
        let mut contents = model.contents()?;
        if let Some(signature) = &self.signature {
            contents.signature = Some(signature.clone());
        }
        let origin = match (model, &self.policy) {
            (Model::Bundled(_), _) => Origin::Bundled,
            (_, Some(policy)) => Origin::Trusted(check_package(policy, &contents)?),
            (_, None) => Origin::Unchecked { signed: contents.signature.is_some() },
        };
        Ok((contents.files, origin))
    }

    /// Whether the code of a baked model is trusted, before it is mapped.
    ///
    /// # Errors
    /// If it can't be read, or the policy does not trust it.
    pub(crate) fn check_baked(&self, baked: &Baked) -> Result<Origin> {
        self.baked(baked, Baked::check_trust)
    }

    /// The same for every file of its folder.
    ///
    /// # Errors
    /// As [`Self::check_baked`].
    pub(crate) fn check_baked_whole(&self, baked: &Baked) -> Result<Origin> {
        self.baked(baked, Baked::check_trust_whole)
    }

    fn baked(
        &self,
        baked: &Baked,
        check: impl Fn(&Baked, &TrustPolicy, Option<&[u8]>) -> Result<Trusted, HostError>,
    ) -> Result<Origin> {
        Ok(match &self.policy {
            Some(policy) => Origin::Trusted(check(baked, policy, self.signature.as_deref())?),
            None => Origin::Unchecked { signed: baked.signature()?.is_some() },
        })
    }
}

/// Reads a text that the user named.
///
/// # Errors
/// If it is not there, or no text.
pub(crate) fn read_text(path: &std::path::Path) -> Result<String> {
    let text = std::fs::read_to_string(path);
    text.map_err(|error| InputError(error.to_string())).with_context(|| path.display().to_string())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.write_str("part of this program"),
            Self::Unchecked { signed: false } => f.write_str("not signed"),
            Self::Unchecked { signed: true } => f.write_str(
                "signed, but the signature was not checked: say whom you trust with --trust",
            ),
            Self::Trusted(trusted) => match trusted.signer() {
                Some(signer) => {
                    write!(f, "signed by {signer}; {} files as signed", trusted.files())
                }
                None => f.write_str("not signed, which the trust policy accepts"),
            },
        }
    }
}
