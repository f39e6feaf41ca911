//! `verify`: a package's reference cases, compared bit by bit.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use predictor_host::reference;

use crate::args::{Settings, Verify};
use crate::failure::{CHECK_FAILED, ModelError};
use crate::model::Model;
use crate::runtime;

pub(crate) fn run(settings: &Settings, arguments: &Verify) -> Result<ExitCode> {
    let model = Model::named(&arguments.model)?;
    if let Model::Baked(baked) = &model {
        baked.check()?;
    }
    let predictor = runtime::load(settings, &model)?;
    let cases = reference::cases(&predictor)?.cases;
    if cases.is_empty() {
        return Err(ModelError(format!("{model} has no reference cases to verify")).into());
    }
    let answers = reference::answer(&predictor, &cases)?;
    let differences = reference::differences(&cases, &answers);
    let mut out = io::stdout().lock();
    for difference in &differences {
        let reference::Difference { case, what, expected, found } = difference;
        writeln!(out, "{case}: {what}: expected {expected}, found {found}")?;
    }
    let description = predictor.description();
    let (name, version, package) = (&description.name, &description.version, &description.package);
    writeln!(out, "{name} {version}, {package}")?;
    writeln!(out, "component {}", predictor.component().digest())?;
    if !differences.is_empty() {
        writeln!(out, "{} reference cases, {} differences", cases.len(), differences.len())?;
        return Ok(ExitCode::from(CHECK_FAILED));
    }
    writeln!(out, "{} reference cases, every bit as expected", cases.len())?;
    Ok(ExitCode::SUCCESS)
}
