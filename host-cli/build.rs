//! Embeds the built component and the project's own model packages in the program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use model_package::Digest;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = folder.parent().unwrap_or(Path::new(".")).to_owned();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());

    let component = root.join("target/component/predictor.wasm");
    println!("cargo::rerun-if-changed={}", component.display());
    let Ok(bytes) = fs::read(&component) else {
        println!(
            "cargo::error={} is not there yet; build it with `cargo xtask component`",
            component.display()
        );
        return Ok(());
    };
    let mut source = String::new();
    let digest = Digest::of(&bytes);
    write_line(&mut source, &format!("static COMPONENT_DIGEST: &str = \"{digest}\";"));
    write_line(&mut source, &format!("static COMPONENT: &[u8] = include_bytes!({component:?});"));
    println!("cargo::rustc-env=COMPONENT_DIGEST={digest}");

    let models = root.join("models");
    println!("cargo::rerun-if-changed={}", models.display());
    write_line(&mut source, "static BUNDLED: &[(&str, Files)] = &[");
    for model in sorted(&models)? {
        let package = model.join("package");
        if !package.join(model_package::MANIFEST).is_file() {
            continue;
        }
        write_line(&mut source, &format!("    ({:?}, &[", file_name(&model)));
        let belongs =
            |file: &PathBuf| file.is_file() && file_name(file) != model_package::SIGNATURE;
        for file in sorted(&package)?.into_iter().filter(belongs) {
            println!("cargo::rerun-if-changed={}", file.display());
            let name = file_name(&file);
            write_line(&mut source, &format!("        ({name:?}, include_bytes!({file:?})),"));
        }
        write_line(&mut source, "    ]),");
    }
    write_line(&mut source, "];");
    fs::write(out.join("embedded.rs"), source)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn write_line(source: &mut String, line: &str) {
    // Writing to a string can't fail.
    let _ = writeln!(source, "{line}");
}
