//! Writes the JavaScript bindings of `web-support` and of `web-trust`, which lies beside it, as
//! `wasm-bindgen --target web` does.
//!
//!     web-bindgen SUPPORT.wasm FOLDER

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let support = arguments.next().context("usage: web-bindgen SUPPORT.wasm FOLDER")?;
    let folder = arguments.next().context("the folder to write to is missing")?;
    bindings(&support, "support", &folder)?;
    bindings(&support.with_file_name("web_trust.wasm"), "trust", &folder)
}

fn bindings(module: &Path, name: &str, folder: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name(name)
        .typescript(true)
        .omit_default_module_path(true)
        .remove_producers_section(true)
        .remove_name_section(true);
    bindgen.web(true).context("the target web")?;
    bindgen.generate(folder).with_context(|| format!("no bindings of {}", module.display()))
}
