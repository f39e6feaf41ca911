//! `promote`: an alias names another version, after that answered its reference cases from the bytes
//! that lie in the store.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use model_signing::TrustPolicy;
use model_store::{
    Alias, AliasDocument, Cache, Canary, Kind, Pin, Place, Share, StoreError, Upload, now,
};
use predictor_host::{Baked, HostError, Predictor, Target, WASMTIME, check_package, reference};
use serde_json::json;

use crate::args::{Promote, Settings, SignWith};
use crate::command::sign::Signing;
use crate::failure::{CHECK_FAILED, InputError, ModelError};
use crate::remote::{OpenStore, Resolved};
use crate::trust::Trust;
use crate::{embedded, runtime};

pub(crate) fn run(settings: &Settings, arguments: &Promote) -> Result<ExitCode> {
    let bench = Bench::open(settings, &arguments.model.place, &arguments.with)?;
    let resolved = bench.open.resolve(&arguments.model.which)?;
    let Some(pin) = bench.check(settings, &resolved)? else {
        return Ok(ExitCode::from(CHECK_FAILED));
    };
    let before = bench.before(&arguments.alias)?;
    let mut out = io::stdout().lock();
    if arguments.dry_run {
        writeln!(out, "{} would name {}", arguments.alias, pin.version)?;
        return Ok(ExitCode::SUCCESS);
    }
    let version = pin.version.clone();
    let rollout = Wanted { shares: vec![Share { pin, weight: 100 }], shadow: None, canary: None };
    let alias = bench.write(&arguments.alias, before.as_ref(), rollout, &arguments.with)?;
    let (place, name) = (bench.open.store.place(), &arguments.alias);
    writeln!(out, "{place}@{name} is {version}, until {}", alias.expires)?;
    Ok(ExitCode::SUCCESS)
}

/// What an alias is to say.
pub(crate) struct Wanted {
    pub(crate) shares: Vec<Share>,
    pub(crate) shadow: Option<Pin>,
    pub(crate) canary: Option<Canary>,
}

/// What versions are tried on and aliases are signed with.
pub(crate) struct Bench {
    pub(crate) open: OpenStore,
    trust: TrustPolicy,
    signing: Signing,
    /// What is read lies here, so that it is read from the store and from nowhere else.
    _cache: tempfile::TempDir,
}

impl Bench {
    /// # Errors
    /// If there is no key, or AWS can't be talked to.
    pub(crate) fn open(settings: &Settings, place: &Place, with: &SignWith) -> Result<Self> {
        let Some(key) = &with.key else {
            return Err(InputError("an alias is signed; name a key with --key".into()).into());
        };
        let signing = Signing::read(key, &with.certificate)?;
        let trust = match Trust::from_settings(settings)?.policy() {
            Some(policy) => policy,
            // Who signs the alias trusts themselves.
            None if with.certificate.is_empty() => {
                TrustPolicy::parse(&signing.key.public().to_pem()).context("a policy")?
            }
            None => OpenStore::policy(settings, place)?,
        };
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let cache = Cache::new(folder.path(), u64::MAX);
        let open = OpenStore::open(settings, place, trust.clone(), Some(cache))?;
        Ok(Self { open, trust, signing, _cache: folder })
    }

    /// Reads a version from the store and compares its answers, bit by bit. `None` if they differ,
    /// which is said.
    ///
    /// # Errors
    /// If it can't be read, is not trusted, or has no reference cases.
    pub(crate) fn check(&self, settings: &Settings, resolved: &Resolved) -> Result<Option<Pin>> {
        let place = self.open.store.place();
        let name = format!("{place}@{}", resolved.package);
        let fetched = self.open.fetch_resolved(resolved, &name)?;
        let contents = fetched.held.contents().map_err(HostError::from)?;
        check_package(&self.trust, &contents)?;
        let predictor = runtime::load_files(settings, contents.files).context(name.clone())?;
        let version = predictor.description().version.clone();
        let mut sound = answers(&predictor, &format!("{} {version}", place.model))?;
        if let Some(baked) = self.baked(resolved)? {
            baked.check_trust(&self.trust, None)?;
            let predictor = runtime::load_baked(settings, &baked)?;
            sound &= answers(&predictor, &format!("{} {version}, baked", place.model))?;
        }
        Ok(sound.then_some(Pin { package: resolved.package, version }))
    }

    /// The baked model for this program's component and this machine, if one was pushed.
    fn baked(&self, resolved: &Resolved) -> Result<Option<Baked>> {
        let kind = Kind::Baked {
            package: resolved.package,
            component: embedded::component_digest(),
            wasmtime: WASMTIME.to_owned(),
        };
        let target = Target::host()?;
        let read = self.open.store.baked(&kind, target.triple(), self.open.patience, &|_| {});
        let Some(fetched) = self.open.runtime.block_on(read)? else { return Ok(None) };
        Ok(Some(Baked::open(&fetched.folder)?))
    }

    /// The alias as it is, if there is one.
    ///
    /// # Errors
    /// If there is one that is not trusted.
    pub(crate) fn before(&self, name: &str) -> Result<Option<AliasDocument>> {
        match self.open.alias(name) {
            Ok(found) => Ok(Some(found)),
            Err(error) => match error.downcast_ref::<StoreError>() {
                Some(StoreError::Missing { .. }) => Ok(None),
                // It is replaced by one that is not, but its counter counts.
                Some(StoreError::Expired { .. }) => Ok(self.expired(name)),
                _ => Err(error),
            },
        }
    }

    fn expired(&self, name: &str) -> Option<AliasDocument> {
        let read = self.open.store.expired_alias(name, self.open.patience);
        self.open.runtime.block_on(read).ok()
    }

    /// Signs an alias and writes it over the one before.
    ///
    /// # Errors
    /// If it can't be signed or written, or somebody else has changed it meanwhile.
    pub(crate) fn write(
        &self,
        name: &str,
        before: Option<&AliasDocument>,
        wanted: Wanted,
        with: &SignWith,
    ) -> Result<Alias> {
        const DAY: Duration = Duration::from_secs(86_400);
        let store = &self.open.store;
        let counter = before.map_or(0, |before| before.alias.counter) + 1;
        let (model, lasting) = (&store.place().model, DAY * u32::from(with.days));
        let Wanted { shares, shadow, canary } = wanted;
        let alias = Alias::new(model, name, counter, lasting, &shares, shadow, now());
        let alias = alias.with_canary(canary).checked().map_err(InputError)?;
        let signed = alias.sign(&self.signing.key, &self.signing.identity);
        let signed = signed.map_err(|error| self.signing.wrong(&error))?;
        let (kms_key, patience) = (with.kms.as_deref(), self.open.patience);
        let upload = Upload { store, kms_key, patience };
        self.open.runtime.block_on(upload.alias(name, signed, before))?;
        if let Some(bus) = &with.bus {
            self.tell(bus, &alias)?;
        }
        Ok(alias)
    }

    /// Tells hosts that an alias has changed.
    fn tell(&self, bus: &str, alias: &Alias) -> Result<()> {
        let place = self.open.store.place();
        let detail = json!({
            "schema_version": "1",
            "place": place.to_string(),
            "model": alias.model,
            "alias": alias.alias,
            "counter": alias.counter,
        });
        let (client, patience) = (&self.open.client, self.open.patience);
        let sent = client.put_event(bus, "samebits", "Model Package Promoted", &detail, patience);
        let sent = self.open.runtime.block_on(sent).map_err(StoreError::from);
        sent.with_context(|| format!("the alias is written, but the bus {bus} took no event"))
    }
}

/// Whether the reference cases give their exact bits; what differs is said.
fn answers(predictor: &Predictor, name: &str) -> Result<bool> {
    let checked = reference::check(predictor)?;
    if checked.cases == 0 {
        let message = format!("{name} has no reference cases, so nothing says that it is right");
        return Err(ModelError(message).into());
    }
    let mut out = io::stdout().lock();
    for difference in &checked.differences {
        writeln!(out, "{difference}")?;
    }
    writeln!(out, "{name}: {checked}")?;
    Ok(checked.differences.is_empty())
}
