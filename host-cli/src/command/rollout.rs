//! `rollout`: which versions an alias stands for, shown or changed.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use model_store::{Alias, AliasDocument, Pin, Share, Which};

use crate::args::{Rollout, Settings};
use crate::command::promote::Bench;
use crate::failure::{CHECK_FAILED, InputError};
use crate::remote::OpenStore;

pub(crate) fn run(settings: &Settings, arguments: &Rollout) -> Result<ExitCode> {
    let Which::Alias(name) = &arguments.alias.which else {
        let message = format!("{} is no alias; a version never changes", arguments.alias);
        return Err(InputError(message).into());
    };
    if arguments.set.is_empty() && arguments.shadow.is_none() {
        let open = OpenStore::for_reading(settings, &arguments.alias.place)?;
        let AliasDocument { alias, signer, .. } = open.alias(name)?;
        show(&alias, &format!("signed by {signer}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let bench = Bench::open(settings, &arguments.alias.place, &arguments.with)?;
    let before = bench.before(name)?.with_context(|| {
        format!("{} is not there; make it with `host-cli promote`", arguments.alias)
    })?;
    let known: Vec<Pin> = before.alias.shares().into_iter().map(|share| share.pin).collect();
    let pin = |version: &str| -> Result<Option<Pin>> {
        if let Some(known) = known.iter().find(|pin| pin.version == version) {
            return Ok(Some(known.clone()));
        }
        let resolved = bench.open.resolve(&Which::Version(version.to_owned()))?;
        bench.check(settings, &resolved)
    };
    let mut shares = Vec::new();
    for weight in &arguments.set {
        let Some(pin) = pin(&weight.version)? else { return Ok(ExitCode::from(CHECK_FAILED)) };
        shares.push(Share { pin, weight: weight.weight });
    }
    if shares.is_empty() {
        shares = before.alias.shares();
    }
    if shares.iter().all(|share| share.weight == 0) {
        return Err(InputError("every weight is 0, so that nothing would serve".into()).into());
    }
    let shadow = match arguments.shadow.as_deref() {
        None => before.alias.shadow.clone(),
        Some("none") => None,
        Some(version) => match pin(version)? {
            Some(pin) => Some(pin),
            None => return Ok(ExitCode::from(CHECK_FAILED)),
        },
    };
    let alias = bench.write(name, Some(&before), &shares, shadow, &arguments.with)?;
    show(&alias, "written")?;
    Ok(ExitCode::SUCCESS)
}

fn show(alias: &Alias, last: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let Alias { model, alias: name, counter, issued, expires, .. } = alias;
    writeln!(out, "{model}@{name}, counter {counter}, from {issued} until {expires}")?;
    let shares = alias.shares();
    let all: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
    let mut table = Table::new();
    table.load_preset(NOTHING);
    for Share { pin, weight } in &shares {
        let percent = f64::from(*weight) * 100.0 / all.max(1) as f64;
        let share = format!("{percent:.1} %");
        table.add_row([pin.version.clone(), share, pin.package.to_string()]);
    }
    if let Some(pin) = &alias.shadow {
        table.add_row([pin.version.clone(), "shadow".into(), pin.package.to_string()]);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    writeln!(out, "{last}")?;
    Ok(())
}
