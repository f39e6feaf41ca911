//! Whether a package is trusted, before anything in it is used.

use model_package::store::Contents;
use model_package::{Digest, Limits, MANIFEST, Manifest};
use model_signing::{TrustPolicy, Trusted};

use crate::HostError;

/// Decides whether a policy trusts a package, as read from disk or elsewhere: every one of its files
/// must be one that was signed. Baked models have [`crate::Baked::check_trust`].
///
/// # Errors
/// The first reason not to trust it, or if it has no manifest that says its name.
pub fn check_package(policy: &TrustPolicy, contents: &Contents) -> Result<Trusted, HostError> {
    let digests = contents.files.iter().map(|file| (file.path.clone(), Digest::of(&file.content)));
    policy.check(contents.signature.as_deref(), &digests.collect(), || {
        let manifest = contents.files.iter().find(|file| file.path == MANIFEST);
        let text = manifest.map(|file| file.content.as_slice()).unwrap_or_default();
        let manifest = Manifest::parse(text, &Limits::DEFAULT);
        Ok(manifest.map_err(|error| HostError::Store(error.into()))?.name)
    })
}
