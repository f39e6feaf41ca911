//! `verify`: who signed a model, and its reference cases compared bit by bit.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use predictor_host::{Predictor, reference};

use crate::args::{Settings, Verify};
use crate::failure::{CHECK_FAILED, ModelError};
use crate::model::Model;
use crate::runtime;
use crate::trust::{Origin, Trust, read_text};

pub(crate) fn run(settings: &Settings, arguments: &Verify) -> Result<ExitCode> {
    let model = Model::of(settings, &arguments.model)?;
    let (predictor, origin) =
        load(settings, arguments, &model).with_context(|| format!("the model {model}"))?;
    let checked = reference::check(&predictor)?;
    if checked.cases == 0 {
        return Err(ModelError(format!("{model} has no reference cases to verify")).into());
    }
    let mut out = io::stdout().lock();
    for difference in &checked.differences {
        writeln!(out, "{difference}")?;
    }
    let description = predictor.description();
    let (name, version, package) = (&description.name, &description.version, &description.package);
    writeln!(out, "{name} {version}, {package}")?;
    writeln!(out, "component {}", predictor.component().digest())?;
    writeln!(out, "{origin}")?;
    writeln!(out, "{checked}")?;
    let sound = checked.differences.is_empty();
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(CHECK_FAILED) })
}

/// Checks the signature and every file before anything is loaded or mapped.
fn load(settings: &Settings, arguments: &Verify, model: &Model) -> Result<(Predictor, Origin)> {
    let mut trust = Trust::from_settings(settings)?;
    if let Some(path) = &arguments.signature {
        trust = trust.with_signature(Some(read_text(path)?.into_bytes()));
    }
    if let Model::Baked(baked) = model {
        let origin = trust.check_baked_whole(baked)?;
        baked.check()?;
        return Ok((runtime::load_baked(settings, baked)?, origin));
    }
    let (files, origin) = trust.files(model)?;
    Ok((runtime::load_files(settings, files)?, origin))
}
