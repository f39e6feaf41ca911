//! What the run of the suite tells: a table on the output, the list of passed cases, and the page
//! of operators.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use inference_core::operators;

use crate::Verdict;

/// What stands above the table of `docs/operators.md`.
const HEAD: &str = "\
# Operators

Which operators of the ONNX standard a graph may have, with the versions in which they changed, and
how many of their cases in the [ONNX backend test suite](https://onnx.ai/onnx/repo-docs/OnnxBackendTest.html)
pass. This page is written by the test that runs the suite:
`ONNX_SUITE_WRITE=1 cargo test --release --workspace --test onnx-suite`.

A graph whose shapes follow from those of its inputs is prepared as a whole when it is loaded, and is
fastest. One whose shapes depend on values (a reshape to a shape that arrives, a loop, a filter) is
run node by node.

| status | meaning |
|---|---|
| yes | every case passes |
| part | the operator can be run, and some cases fail; the last column says what is missing |
| there | the operator can be run; the suite has no case for it |
| no | a graph with it is refused when it is loaded |
";

/// Why operators, or some of their cases, stay out.
const REASONS: &[(&[&str], &str)] = &[
    (&["Bernoulli", "Multinomial"], "draws random numbers"),
    (&["RandomNormal", "RandomNormalLike"], "draws random numbers"),
    (&["RandomUniform", "RandomUniformLike"], "draws random numbers"),
    (&["Dropout"], "in training mode it draws random numbers"),
    (&["ImageDecoder"], "images are decoded before they reach a graph"),
    (&["Attention"], "rounding of float16 in the expanded form"),
];

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

/// Writes the list and the page anew. `standard` has the operators with their versions, a line each.
pub fn write(verdicts: &[Verdict], standard: &str, list: &Path, page: &Path) {
    let passed = verdicts.iter().filter(|verdict| verdict.failure.is_none());
    let names: String = passed.map(|verdict| format!("{}\n", verdict.name)).collect();
    fs::write(list, names).unwrap();
    fs::write(page, operators_page(verdicts, standard)).unwrap();
}

fn operators_page(verdicts: &[Verdict], standard: &str) -> String {
    let mut counts = BTreeMap::<&str, (usize, usize)>::new();
    for verdict in verdicts {
        let (passed, total) = counts.entry(&verdict.operator).or_default();
        *total += 1;
        *passed += usize::from(verdict.failure.is_none());
    }
    let known: BTreeSet<_> = operators::names().into_iter().collect();
    let mut page = String::from(HEAD);
    let passed = verdicts.iter().filter(|verdict| verdict.failure.is_none()).count();
    writeln!(page, "\n{passed} of the suite's {} cases pass.", verdicts.len()).unwrap();
    for (title, ml) in [("ai.onnx", false), ("ai.onnx.ml", true)] {
        writeln!(page, "\n## {title}\n").unwrap();
        page.push_str("| operator | versions | status | cases passed | what is missing |\n");
        page.push_str("|---|---|---|---|---|\n");
        for line in standard.lines().filter(|line| line.starts_with("ai.onnx.ml.") == ml) {
            let (name, versions) = line.split_once(' ').unwrap();
            let short = name.trim_start_matches("ai.onnx.ml.");
            let count = counts.get(name).copied();
            let reason = REASONS.iter().find(|(names, _)| names.contains(&short));
            let status = match count {
                _ if !known.contains(short) => "no",
                None => "there",
                Some((passed, total)) if passed == total => "yes",
                Some((0, _)) => "no",
                Some(_) => "part",
            };
            let cases = count.map(|(passed, total)| format!("{passed} of {total}"));
            let reason = reason.filter(|_| status == "no" || status == "part");
            let (cases, versions) = (cases.unwrap_or_default(), versions.replace(' ', ", "));
            let reason = reason.map_or("", |(_, reason)| reason);
            writeln!(page, "| {short} | {versions} | {status} | {cases} | {reason} |").unwrap();
        }
    }
    page
}
