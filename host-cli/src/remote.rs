//! Models that are elsewhere: in a store of S3, or behind an address of the web.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_call::{Client, Patience};
use model_package::{Digest, Limits};
use model_signing::TrustPolicy;
use model_store::{AliasDocument, Cache, Fetched, Held, Pin, Place, Reference, Store, Which, now};
use tokio::runtime::Runtime;

use crate::args::Settings;
use crate::failure::{InputError, ModelError};
use crate::model::Remote;
use crate::progress::Progress;
use crate::runtime;
use crate::trust::Trust;

/// How long one command may talk to a store.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);
/// What the cache of models may have.
const CACHE_BYTES: u64 = 10 << 30;

/// A store, and what talks to it.
pub(crate) struct OpenStore {
    pub(crate) runtime: Runtime,
    pub(crate) client: Arc<Client>,
    pub(crate) store: Store,
    pub(crate) patience: Patience,
}

/// A package of a store, by its digest; the version if the reference says it.
pub(crate) struct Resolved {
    pub(crate) package: Digest,
    pub(crate) version: Option<String>,
}

impl OpenStore {
    /// A store whose models must be trusted by what the settings name.
    ///
    /// # Errors
    /// If they name nothing, or AWS can't be talked to.
    pub(crate) fn for_reading(settings: &Settings, place: &Place) -> Result<Self> {
        Self::open(settings, place, Self::policy(settings, place)?, None)
    }

    /// What the settings say of whom to trust.
    ///
    /// # Errors
    /// If they say nothing.
    pub(crate) fn policy(settings: &Settings, place: &Place) -> Result<TrustPolicy> {
        Trust::from_settings(settings)?.policy().ok_or_else(|| {
            InputError(format!(
                "{place}: a model from elsewhere has to be trusted; say whose signature counts with \
                 --trust or SAMEBITS_TRUST"
            ))
            .into()
        })
    }

    /// A store, with a cache of its own or the user's.
    ///
    /// # Errors
    /// If AWS can't be talked to.
    pub(crate) fn open(
        settings: &Settings,
        place: &Place,
        trust: TrustPolicy,
        cache: Option<Cache>,
    ) -> Result<Self> {
        let runtime = quiet_runtime()?;
        let client = Client::new(&aws()?).map_err(|message| anyhow::anyhow!(message))?;
        let client = Arc::new(client);
        let cache = match cache {
            Some(cache) => cache,
            None => Cache::new(runtime::cache_folder(settings)?.join("models"), CACHE_BYTES),
        };
        let store = Store::new(Arc::clone(&client), place.clone(), Arc::new(trust), cache);
        Ok(Self { runtime, client, store, patience: Patience::lasting(PATIENCE) })
    }

    /// Which package a reference means now.
    ///
    /// # Errors
    /// If it means none, or an alias that stands for several.
    pub(crate) fn resolve(&self, which: &Which) -> Result<Resolved> {
        let one = |Pin { package, version }| Resolved { package, version: Some(version) };
        Ok(match which {
            Which::Digest(package) => Resolved { package: *package, version: None },
            Which::Version(version) => {
                let package = self.store.version(version, self.patience);
                let package = self.runtime.block_on(package)?;
                Resolved { package, version: Some(version.clone()) }
            }
            Which::Alias(name) => {
                let document = self.alias(name)?;
                // Of several, the one with the largest share.
                let largest = document.alias.largest(now()).context("an alias has versions")?;
                one(largest)
            }
        })
    }

    /// An alias as it is now.
    ///
    /// # Errors
    /// If it is not there or not trusted.
    pub(crate) fn alias(&self, name: &str) -> Result<AliasDocument> {
        let read = self.store.alias(name, None, now(), self.patience);
        self.runtime.block_on(read)?.context("an alias that was read is one")
    }

    /// Brings a package here.
    ///
    /// # Errors
    /// If it is not there or not trusted.
    pub(crate) fn fetch(&self, reference: &Reference) -> Result<Fetched> {
        let resolved = self.resolve(&reference.which)?;
        self.fetch_resolved(&resolved, &reference.to_string())
    }

    /// The same for a package whose digest is known.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub(crate) fn fetch_resolved(&self, resolved: &Resolved, name: &str) -> Result<Fetched> {
        let progress = Progress::start(format!("reading {name}"));
        let version = resolved.version.as_deref();
        let read = self.store.package(resolved.package, version, self.patience, &|_| {});
        let fetched = self.runtime.block_on(read)?;
        if fetched.was_there {
            progress.end();
        } else {
            progress.finish(&format!("read {name}"));
        }
        if let Some(why) = &fetched.uncached {
            anstream::eprintln!("note: it is not kept in the cache: {why}");
        }
        Ok(fetched)
    }
}

fn quiet_runtime() -> Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("can't talk to the network")
}

/// What the environment says of AWS.
fn aws() -> Result<aws_call::Settings> {
    let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let needed = |name: &str| {
        read(name).ok_or_else(|| {
            InputError(format!(
                "{name} is not set; with the AWS command line, \
                 eval \"$(aws configure export-credentials --format env)\" sets the keys"
            ))
        })
    };
    let region = read("AWS_REGION").or_else(|| read("AWS_DEFAULT_REGION"));
    Ok(aws_call::Settings {
        access_key_id: needed("AWS_ACCESS_KEY_ID")?,
        secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
        session_token: read("AWS_SESSION_TOKEN"),
        region: region
            .ok_or_else(|| InputError("AWS_REGION is not set, such as eu-central-1".into()))?,
        endpoint: read("AWS_ENDPOINT_URL"),
    })
}

/// An archive behind an address.
///
/// # Errors
/// If nobody is trusted, or it can't be read.
pub(crate) fn archive(settings: &Settings, url: &str) -> Result<Remote> {
    if Trust::from_settings(settings)?.policy().is_none() {
        return Err(InputError(format!(
            "{url}: a model from elsewhere has to be trusted; say whose signature counts with \
             --trust or SAMEBITS_TRUST"
        ))
        .into());
    }
    // Headers and padding of an archive, beside what a package may have.
    let limit = Limits::DEFAULT.package_bytes + (16 << 20);
    let progress = Progress::start(format!("reading {url}"));
    let read = async {
        let client = Client::new(&aws_call::Settings::default()).map_err(ModelError)?;
        let patience = Patience::lasting(PATIENCE);
        let mut found = client.get_url(url, patience).await.map_err(said)?;
        let mut file = tempfile::NamedTempFile::new().context("no temporary file")?;
        let mut length = 0;
        while let Some(chunk) = found.chunk(patience).await.map_err(said)? {
            length += chunk.len() as u64;
            if length > limit {
                let message = format!("{url}: more than the {limit} bytes that are accepted");
                return Err(ModelError(message).into());
            }
            file.write_all(&chunk).context("the temporary file")?;
        }
        Ok::<_, anyhow::Error>(file.into_temp_path())
    };
    let temporary: tempfile::TempPath = quiet_runtime()?.block_on(read)?;
    progress.finish(&format!("read {url}"));
    let held = Held::Folder(temporary.to_path_buf());
    Ok(Remote { name: url.to_owned(), held, _temporary: Some(temporary) })
}

fn said(error: aws_call::AwsError) -> ModelError {
    ModelError(error.to_string())
}
