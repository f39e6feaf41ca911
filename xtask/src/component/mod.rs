//! Builds the component: compiles the guest, leaves out what no inference needs, and wraps what is left.

mod fold;
mod prune;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wit_component::ComponentEncoder;

pub(crate) use fold::Names;
pub(crate) use prune::{Functions, crate_of};

use crate::run::run;
use crate::toolchain::{TARGET, Toolchain};
use crate::{root, say};

/// Builds `target/component/predictor.wasm` and returns its path. The same sources give the same
/// bytes on the same compiler, wherever the checkout lies.
pub(crate) fn build() -> Result<PathBuf> {
    let module = module(Names::Drop)?;
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .context("the guest's module can't be made a component")?;
    let path = root().join("target/component/predictor.wasm");
    write_if_changed(&path, &component)?;
    say(&format!("component: {} ({:.1} MB)", path.display(), component.len() as f64 / 1e6));
    Ok(path)
}

/// The guest's core module.
pub(crate) fn module(names: Names) -> Result<Vec<u8>> {
    // A target directory of its own: another compiler may be at work here than outside.
    let target = root().join("target/guest");
    let toolchain = Toolchain::find()?;
    let root = root();
    say(&format!(
        "building the component with {} (about 5 minutes on two cores the first time)",
        toolchain.version()?
    ));
    let mut cargo = toolchain.cargo_build();
    cargo
        .current_dir(&root)
        .args(["--package", "guest", "--profile", "component", "--target-dir"])
        .arg(&target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(&toolchain, &root)?.join("\u{1f}"));
    run(&mut cargo)?;

    let module = target.join(TARGET).join("component/guest.wasm");
    let built = std::fs::read(&module).with_context(|| format!("no {}", module.display()))?;
    let pruned = prune::prune(&built).context("the guest's module can't be pruned")?;
    let folded = fold::fold(&pruned, names).context("the guest's module can't be folded")?;
    let (before, after) = (built.len() as f64 / 1e6, folded.len() as f64 / 1e6);
    say(&format!(
        "without what no inference needs, and what is there twice: {after:.1} of {before:.1} MB"
    ));
    Ok(folded)
}

/// What every build of the component has in common, whichever compiler does it.
fn flags(toolchain: &Toolchain, root: &Path) -> Result<Vec<String>> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    // Later prefixes win, so the more general one comes first.
    let sysroot = toolchain.sysroot()?;
    let remapped = [(sysroot.as_path(), "/rust"), (home.as_path(), "/cargo"), (root, "/samebits")];
    let mut flags = vec![
        // 128-bit vectors are in every engine; relaxed ones differ by processor and stay off.
        "-Ctarget-feature=+simd128".to_owned(),
        "--cfg=getrandom_backend=\"custom\"".to_owned(),
    ];
    flags.extend(remapped.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));
    Ok(flags)
}

/// Leaves an equal file alone, so that nothing that embeds it is built again.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let directory = path.parent().context("a path without a directory")?;
    std::fs::create_dir_all(directory)?;
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, path))
        .with_context(|| format!("can't write {}", path.display()))
}
