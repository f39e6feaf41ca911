//! `host-cli package`: what becomes of the files that libraries export, and what is said to wrong
//! options and samples.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::Command;

use conformance::{cache_folder, component, finished, program, root};
use tempfile::TempDir;
use zip::ZipArchive;
use zip::write::SimpleFileOptions;

/// A folder with one of the exported models as `model.onnx`.
fn exported(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let archive = File::open(root().join("core/tests/exports/fixtures.zip")).unwrap();
    let mut archive = ZipArchive::new(archive).unwrap();
    let mut model = archive.by_name(&format!("{name}/model.onnx")).unwrap();
    std::io::copy(&mut model, &mut File::create(folder.path().join("m.onnx")).unwrap()).unwrap();
    folder
}

/// What the program says in a folder: standard output, standard error and exit code, digests left
/// out.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let _ = component();
    let mut command = Command::new(program("host-cli"));
    command.args(arguments).current_dir(folder).env("SAMEBITS_CACHE", cache_folder());
    let (out, error, code) = finished(&mut command);
    // Whether the component is compiled already depends on what ran before.
    let compiles = |line: &&str| line.starts_with("compil") && line.contains("the component");
    let error: String = error.split_inclusive('\n').filter(|line| !compiles(line)).collect();
    let mut parts = [out, error].concat();
    while let Some(place) = parts.find("sha256:") {
        parts.replace_range(place..place + "sha256:".len() + 64, "…");
    }
    format!("$ {}\n{parts}exit code {}\n", arguments.join(" "), code.unwrap())
}

/// A package of an exported model with these options, and what it answers to an instance.
fn story(name: &str, options: &[&str], instance: &str) -> String {
    let folder = exported(name);
    std::fs::write(folder.path().join("instance.json"), instance).unwrap();
    let made = said(folder.path(), &[&["package", "m.onnx", "-o", "p"], options].concat());
    let predict = ["predict", "--model", "p", "--format", "jsonl", "instance.json"];
    format!("{made}{}", said(folder.path(), &predict))
}

/// A package that is refused.
fn refused(name: &str, options: &[&str]) -> String {
    let folder = exported(name);
    let said = said(folder.path(), &[&["package", "m.onnx", "-o", "p"], options].concat());
    assert!(!folder.path().join("p").exists(), "{said}");
    said
}

const ROW: &str = r#"{"a": 0.5, "b": -1.25, "c": 2, "d": 0.125}"#;
const COLUMNS: [&str; 2] = ["--columns", "a,b,c,d"];

macro_rules! check_stories {
    ($($test:ident: $story:expr;)*) => {
        $(#[test]
        fn $test() {
            insta::assert_snapshot!($story);
        })*
    };
}

check_stories! {
    labels_from_a_zip_map: story("linear_logistic_names", &COLUMNS, ROW);
    two_labels_and_a_threshold: story("linear_logistic_words", &[&COLUMNS[..], &["--score", "yes",
        "--threshold", "0.9=call", "--threshold", "0.5=write"]].concat(), ROW);
    probabilities_of_64_bits: story("linear_logistic_double", &COLUMNS, ROW);
    columns_of_text: story("mixed_logistic", &[],
        r#"{"age": 40, "income": 1500, "city": "Rome", "plan": "pro"}"#);
    missing_values: story("xgboost_binary", &COLUMNS, r#"{"a": 0.5, "b": null, "d": 1}"#);
    labels_on_the_command_line: story("xgboost_multi",
        &[&COLUMNS[..], &["--labels", "low,middle,high"]].concat(), ROW);
    labels_of_catboost: story("catboost_names", &COLUMNS, ROW);
    one_value: story("lightgbm_regressor", &[&COLUMNS[..], &["--threshold", "0=up",
        "--otherwise", "down"]].concat(), ROW);
    one_value_of_64_bits: story("regression_double", &COLUMNS, ROW);
    several_values_are_tensors: story("regression_two", &[], r#"{"X": [[0.5, -1.25, 2, 0.125]]}"#);
    no_names_are_tensors: story("ensemble_tree", &[], r#"{"X": [[0.5, -1.25, 2, 0.125]]}"#);
    texts: story("text_logistic", &[], r#"{"X": "win free money"}"#);
    an_instance_that_is_wrong: story("mixed_logistic", &[],
        r#"{"age": "forty", "income": 1500, "city": "Rome", "plan": "pro"}"#);
}

#[test]
fn wrong_options() {
    let with = |options: &[&'static str]| [&COLUMNS[..], options].concat();
    let stories = [
        refused("linear_logistic_names", &["--columns", "a,b,c"]),
        refused("linear_logistic_names", &["--columns", "a,b,c,c"]),
        refused("linear_logistic_names", &with(&["--labels", "no,yes"])),
        refused("linear_logistic_names", &with(&["--score", "lowest"])),
        refused("linear_logistic_names", &with(&["--threshold", "0.5=call"])),
        refused("linear_logistic_names", &with(&["--threshold", "call"])),
        refused("linear_logistic_names", &with(&["--task", "tabular-regression"])),
        refused("linear_logistic_names", &with(&["--task", "tensors"])),
        refused("regression_two", &COLUMNS),
        refused("regression_two", &["--labels", "no,yes"]),
        refused("regression_two", &["--threshold", "0.5=call"]),
        refused("regression_ols", &with(&["--score", "yes"])),
        refused("regression_two", &["--task", "tabular-regression"]),
        refused("linear_logistic_names", &with(&["--samples", "nowhere.json"])),
    ];
    insta::assert_snapshot!(stories.join("\n"));
}

/// A file of numpy arrays: float32, row by row.
fn npz(arrays: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, shape, values) in arrays {
        let options = SimpleFileOptions::default();
        archive.start_file(format!("{name}.npy"), options).unwrap();
        let shape: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n");
        archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
        archive.write_all(&u16::try_from(header.len()).unwrap().to_le_bytes()).unwrap();
        archive.write_all(header.as_bytes()).unwrap();
        for value in *values {
            archive.write_all(&value.to_le_bytes()).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

/// What is said of a file of samples.
fn sampled(name: &str, options: &[&str], file: &str, content: &[u8]) -> String {
    let folder = exported(name);
    std::fs::write(folder.path().join(file), content).unwrap();
    let samples = ["package", "m.onnx", "-o", "p", "--samples", file];
    said(folder.path(), &[&samples[..], options].concat())
}

#[test]
fn samples() {
    let rows = r#"[{"a": 0.5, "b": -1.25, "c": 2, "d": 0.125}, {"a": 1, "b": 2, "c": 3, "d": 4}]"#;
    let names =
        |file: &str, content: &[u8]| sampled("linear_logistic_names", &COLUMNS, file, content);
    let eight: Vec<f32> = (0..8_u8).map(f32::from).collect();
    let missing = [0.5, f32::NAN, 1.0, 2.0];
    let tensors = npz(&[("X", &[2, 4], &eight)]);
    let stories = [
        names("rows.json", rows.as_bytes()),
        names("rows.npz", &npz(&[("X", &[2, 4], &eight)])),
        names(
            "rows.npz",
            &npz(&[
                ("a", &[8], &eight),
                ("b", &[8], &eight),
                ("c", &[8], &eight),
                ("d", &[8], &eight),
            ]),
        ),
        sampled("xgboost_binary", &COLUMNS, "rows.npz", &npz(&[("X", &[1, 4], &missing)])),
        sampled("regression_two", &[], "rows.npz", &tensors),
        sampled("regression_two", &[], "rows.json", br#"{"X": [[1, 2, 3, 4], [5, 6, 7, 8]]}"#),
        // What is wrong with them.
        names("rows.json", br#"[{"a": 0.5, "b": -1.25, "c": 2}]"#),
        names("rows.json", br#"[[0.5, -1.25, 2, 1]]"#),
        names("rows.json", br#"{"a": 0.5,"#),
        names("rows.npz", &npz(&[("X", &[4, 2], &eight)])),
        names("rows.npz", &npz(&[("Y", &[2, 4], &eight)])),
        names("rows.npz", &npz(&[("a", &[8], &eight), ("b", &[2], &[1.0, 2.0])])),
        names("rows.npz", &npz(&[])),
        names("rows.json", b"[]"),
        names("rows.npz", b"no archive"),
        sampled("regression_two", &[], "rows.npz", &npz(&[("Y", &[2, 4], &eight)])),
        sampled("regression_two", &[], "rows.npz", &npz(&[("X", &[4, 2], &eight)])),
    ];
    insta::assert_snapshot!(stories.join("\n"));
}

#[test]
fn files_that_are_no_model() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.onnx"), "no model").unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let stories = [
        said(folder.path(), &["package", "m.onnx", "-o", "p"]),
        said(folder.path(), &["package", "nowhere.onnx", "-o", "p"]),
        said(folder.path(), &["package", "empty", "-o", "p"]),
    ];
    insta::assert_snapshot!(stories.join("\n"));
}
