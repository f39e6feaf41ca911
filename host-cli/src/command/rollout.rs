//! `rollout`: which versions an alias stands for, shown or changed.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use model_store::{
    Alias, AliasDocument, Canary, CanaryLimits, Pin, Share, Which, moment, now, text_of,
};

use crate::args::{CanaryPlan, Rollout, Settings};
use crate::command::promote::{Bench, Wanted};
use crate::failure::{CHECK_FAILED, InputError};
use crate::remote::OpenStore;

pub(crate) fn run(settings: &Settings, arguments: &Rollout) -> Result<ExitCode> {
    let Which::Alias(name) = &arguments.alias.which else {
        let message = format!("{} is no alias; a version never changes", arguments.alias);
        return Err(InputError(message).into());
    };
    let plan = &arguments.canary;
    if arguments.set.is_empty() && arguments.shadow.is_none() && plan.canary.is_none() {
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
    let canary = match plan.canary.as_deref() {
        // Other weights are another rollout.
        None => before.alias.canary.clone().filter(|_| arguments.set.is_empty()),
        Some("none") => None,
        Some(version) => match pin(version)? {
            Some(challenger) => Some(canary(plan, challenger)),
            None => return Ok(ExitCode::from(CHECK_FAILED)),
        },
    };
    let alias =
        bench.write(name, Some(&before), Wanted { shares, shadow, canary }, &arguments.with)?;
    show(&alias, "written")?;
    Ok(ExitCode::SUCCESS)
}

/// The plan that the arguments describe; it begins now.
fn canary(plan: &CanaryPlan, challenger: Pin) -> Canary {
    let limits = CanaryLimits {
        decisions: plan.decisions,
        error_rate: Some(plan.error_rate),
        latency_ratio: plan.latency_ratio,
        score_shift: plan.score_shift,
    };
    Canary { challenger, begins: text_of(now()), steps: plan.steps.0.clone(), limits }
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
    if let Some(canary) = &alias.canary {
        show_canary(&mut out, canary)?;
    }
    writeln!(out, "{last}")?;
    Ok(())
}

fn show_canary(out: &mut impl Write, canary: &Canary) -> Result<()> {
    let Canary { challenger, begins, steps, limits } = canary;
    let (now, count) = (now(), steps.len());
    let percent = |permille: u16| f64::from(permille) / 10.0;
    let at = match canary.step(now) {
        Some(step) => format!("step {} of {count}, {} %", step + 1, percent(canary.permille(now))),
        None => format!("{count} steps, not yet begun"),
    };
    writeln!(out, "canary {} ({}): {at}", challenger.version, challenger.package)?;
    let begins = moment(begins).unwrap_or(now);
    let mut since = Duration::ZERO;
    for step in steps {
        writeln!(out, "  from {}: {} %", text_of(begins + since), percent(step.permille))?;
        since += Duration::from_secs(step.seconds.unwrap_or_default().into());
    }
    let CanaryLimits { decisions, error_rate, latency_ratio, score_shift } = limits;
    write!(out, "  a host ends it after {decisions} decisions")?;
    for (name, limit) in
        [("error rate", error_rate), ("latency ratio", latency_ratio), ("score shift", score_shift)]
    {
        if let Some(limit) = limit {
            write!(out, ", {name} above {limit}")?;
        }
    }
    Ok(writeln!(out)?)
}
