//! What the run of the suite tells: a table on the output, the list of passed cases, and the page
//! of operators.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::Verdict;

/// A line for each case that fails, and the counts.
pub fn print(verdicts: &[Verdict]) {
    for verdict in verdicts {
        if let Some(failure) = &verdict.failure {
            println!("FAIL {} ({}): {failure}", verdict.name, verdict.operator);
        }
    }
    let passed = verdicts.iter().filter(|verdict| verdict.failure.is_none()).count();
    println!("{passed} of {} cases pass", verdicts.len());
}

/// Writes the list and the page anew.
pub fn write(verdicts: &[Verdict], list: &Path, page: &Path) {
    let passed = verdicts.iter().filter(|verdict| verdict.failure.is_none());
    let names: String = passed.map(|verdict| format!("{}\n", verdict.name)).collect();
    fs::write(list, names).unwrap();
    fs::write(page, operators(verdicts)).unwrap();
}

fn operators(verdicts: &[Verdict]) -> String {
    let mut counts = BTreeMap::<&str, (usize, usize)>::new();
    for verdict in verdicts {
        let (passed, total) = counts.entry(&verdict.operator).or_default();
        *total += 1;
        *passed += usize::from(verdict.failure.is_none());
    }
    let mut page = String::from("# Operators\n\n| operator | passed | of |\n|---|---|---|\n");
    for (operator, (passed, total)) in counts {
        writeln!(page, "| {operator} | {passed} | {total} |").unwrap();
    }
    page
}
