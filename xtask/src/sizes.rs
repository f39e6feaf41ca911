//! What the component's code is made of: bytes of functions by the crate that they come from.
//!
//! The component that ships has no names; here the same code is taken with them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::component::{self, Functions, Names, crate_of};
use crate::say;

/// Families of crates, each with the beginnings of their names. The first that fits counts.
const FAMILIES: [(&str, &[&str]); 8] = [
    (
        "tract and matrix products",
        &["tract_", "ndarray", "dyn_", "smallvec", "num_", "half", "string_interner"],
    ),
    (
        "pictures",
        &[
            "image",
            "libjpeg",
            "zune",
            "png",
            "gif",
            "image_webp",
            "weezl",
            "moxcms",
            "fdeflate",
            "jpeg",
            "byteorder_lite",
        ],
    ),
    (
        "texts: tokenizers and regular expressions",
        &[
            "tokenizers",
            "fancy_regex",
            "regex",
            "aho_corasick",
            "unicode",
            "spm_",
            "monostate",
            "compact_str",
            "daachorse",
            "dary_heap",
            "macro_rules",
            "esaxx",
            "derive_builder",
        ],
    ),
    ("ONNX's protocol buffers", &["prost", "tract_onnx"]),
    ("JSON", &["serde", "serde_json", "ryu", "itoa", "zmij"]),
    ("the core itself", &["inference_core", "guest", "model_package"]),
    (
        "Rust's standard library and the allocator",
        &["std", "core", "alloc", "hashbrown", "dlmalloc", "compiler_builtins"],
    ),
    ("mathematics and digests", &["libm", "sha2", "digest"]),
];

/// Builds the component with names and prints a table of what its functions weigh.
pub(crate) fn report() -> Result<()> {
    let module = component::module(Names::Keep)?;
    let crates = crates(&module)?;
    let code: u64 = crates.values().sum();
    let mut families: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, bytes) in &crates {
        *families.entry(family(name)).or_default() += bytes;
    }
    let mut rows: Vec<_> = families.into_iter().collect();
    rows.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    println!("| code of | MB | of all code |\n| --- | --- | --- |");
    for (name, bytes) in rows {
        let part = bytes as f64 / code as f64 * 100.0;
        println!("| {name} | {:.2} | {part:.0} % |", bytes as f64 / 1e6);
    }
    println!("| all functions | {:.2} | 100 % |", code as f64 / 1e6);
    let mut largest: Vec<_> = crates.into_iter().collect();
    largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    for (name, bytes) in largest.iter().take(25) {
        say(&format!("{name}: {:.2} MB", *bytes as f64 / 1e6));
    }
    Ok(())
}

fn family(name: &str) -> &'static str {
    let found =
        FAMILIES.iter().find(|(_, starts)| starts.iter().any(|start| name.starts_with(start)));
    found.map_or("other crates", |(family, _)| family)
}

/// The bytes of functions by the crate in their names.
fn crates(module: &[u8]) -> Result<BTreeMap<String, u64>> {
    let functions = Functions::read(module)?;
    let mut crates = BTreeMap::new();
    for (index, body) in &functions.bodies {
        let name = functions.names.get(index).context("a function has no name")?;
        *crates.entry(crate_of(name)).or_default() += body.end - body.start;
    }
    Ok(crates)
}
