//! Writes the JavaScript bindings of `web-support`, as `wasm-bindgen --target web` does.
//!
//!     web-bindgen SUPPORT.wasm FOLDER

use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let module = arguments.next().context("usage: web-bindgen SUPPORT.wasm FOLDER")?;
    let folder = arguments.next().context("the folder to write to is missing")?;
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&module)
        .out_name("support")
        .typescript(true)
        .omit_default_module_path(true)
        .remove_producers_section(true)
        .remove_name_section(true);
    bindgen.web(true).context("the target web")?;
    bindgen.generate(&folder).with_context(|| format!("no bindings of {}", module.display()))
}
