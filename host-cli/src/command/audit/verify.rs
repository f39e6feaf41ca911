//! `audit verify`: whether records are as they were written, and none is missing between two.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use decision_audit::Span;
use model_package::Digest;
use serde::Serialize;

use super::record::{Problem, Records};
use crate::args::AuditVerify;
use crate::failure::CHECK_FAILED;

/// The most chains that people are shown.
const SHOWN: usize = 20;

#[derive(Serialize)]
struct Report<'a> {
    records: u64,
    chains: Vec<Chain<'a>>,
    wrong: u64,
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct Chain<'a> {
    chain: &'a str,
    first: u64,
    last: u64,
    /// Of the last record: whoever kept it can tell whether the end is missing.
    hash: Digest,
}

pub(super) fn run(arguments: &AuditVerify) -> Result<ExitCode> {
    let records = Records::of(&arguments.paths, |_, _| {})?;
    let chains = records.chains().iter().map(|(chain, Span { first, last, hash })| Chain {
        chain,
        first: *first,
        last: *last,
        hash: *hash,
    });
    let report = Report {
        records: records.sound,
        chains: chains.collect(),
        wrong: records.problems.count,
        problems: &records.problems.first,
    };
    let mut out = io::stdout().lock();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        false => write!(out, "{}{}", records.problems.text(), people(&report))?,
    }
    Ok(if report.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::from(CHECK_FAILED) })
}

fn people(report: &Report<'_>) -> String {
    let count = report.chains.len();
    let mut text = String::new();
    for Chain { chain, first, last, .. } in report.chains.iter().take(SHOWN) {
        let begin = if *first == 1 { "" } else { ", its beginning is not here" };
        text += &format!("chain {chain}: {first} to {last}{begin}\n");
    }
    if count > SHOWN {
        text += &format!("and {} more chains\n", count - SHOWN);
    }
    let found = match report.wrong {
        0 => "as they were written, and none is missing between two".to_owned(),
        wrong => format!("as they were written; {wrong} problems"),
    };
    let chains = if count == 1 { "one chain".to_owned() } else { format!("{count} chains") };
    text + &format!("{} records in {chains}, {found}\n", report.records)
}
