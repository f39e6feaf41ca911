//! The function package: `bootstrap` built lean for the processors of AWS Lambda, zipped with a model
//! that is baked for them.
//!
//! Programs for tests are built with the whole workspace, whose other members ask wasmtime for its
//! compiler. What ships is built alone, without it.

mod prove;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use object::Endianness;
use object::elf::FileHeader64;
use object::read::elf::FileHeader as _;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::run::{cargo, output, run};
use crate::{programs, root, say};

/// The C library of `provided.al2023`, as (major, minor). What asks for a later one doesn't start there.
const GLIBC: (u32, u32) = (2, 34);

/// A processor, as AWS Lambda names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    #[value(name = "x86_64")]
    X86_64,
    Arm64,
}

impl Arch {
    const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// The linker for it on other processors, and Debian's packages with it.
    const fn cross(self) -> (&'static str, &'static str) {
        match self {
            Self::X86_64 => ("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu libc6-dev-amd64-cross"),
            Self::Arm64 => ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// Writes `target/functions/MODEL-ARCH.zip` for each processor, and says what they weigh.
pub(crate) fn build(model: &str, archs: &[Arch], without_aws: bool) -> Result<()> {
    programs::build()?;
    let archs = if archs.is_empty() { &[Arch::X86_64, Arch::Arm64] } else { archs };
    let folder = root().join("target/functions");
    fs::create_dir_all(&folder)?;
    let baked = bake(model, archs, &folder)?;
    let mut report = String::new();
    for arch in archs {
        let bootstrap = bootstrap(*arch, without_aws)?;
        check_glibc(&bootstrap)?;
        let program = (bootstrap.as_path(), "bootstrap");
        let record = (&*baked.join("baked.json"), "model/baked.json");
        let code = format!("{}.cwasm", arch.target());
        let code = (&*baked.join(&code), &*format!("model/{code}"));
        let package = baked.with_extension(format!("{}.zip", arch.name()));
        let bytes = zip(&package, &[program])?;
        let whole = zip(&package, &[program, record, code])?;
        say(&format!("running {} on the model's reference cases", package.display()));
        let proved = match prove::prove(&package, &baked, *arch)? {
            Some(cases) => format!("{cases} reference cases as expected"),
            None => "not run here".to_owned(),
        };
        writeln!(
            report,
            "{}: {:.1} MB; without the model {:.1} MB; {proved}",
            package.display(),
            whole as f64 / 1e6,
            bytes as f64 / 1e6
        )?;
    }
    print!("{report}");
    Ok(())
}

/// The program for a processor, with a linker for it.
fn bootstrap(arch: Arch, without_aws: bool) -> Result<PathBuf> {
    let target = arch.target();
    let mut cargo = cargo(&["build", "--package", "host-lambda", "--profile", "function"]);
    let folder = root().join("target/function");
    cargo.args(["--target", target, "--target-dir"]).arg(&folder);
    if without_aws {
        cargo.arg("--no-default-features");
    }
    if !target.starts_with(std::env::consts::ARCH) {
        let (linker, packages) = arch.cross();
        if output(Command::new(linker).arg("--version")).is_none() {
            bail!(
                "{linker} is missing, the linker for {}; on Debian: apt-get install {packages}",
                arch.name()
            );
        }
        add_target(target)?;
        let variable = target.to_uppercase().replace('-', "_");
        cargo.env(format!("CARGO_TARGET_{variable}_LINKER"), linker);
    }
    say(&format!(
        "building bootstrap for {} (about 4 minutes on two cores the first time)",
        arch.name()
    ));
    run(&mut cargo)?;
    Ok(folder.join(target).join("function/bootstrap"))
}

/// The standard library for another processor.
fn add_target(target: &str) -> Result<()> {
    run(Command::new("rustup").args(["target", "add", target])).with_context(|| {
        format!(
            "rustup can't add the target {target}; it is needed to build for that processor here"
        )
    })
}

/// Refuses a program that Lambda's C library is too old for, as one built on a newer system may be.
fn check_glibc(program: &Path) -> Result<()> {
    let data = fs::read(program)?;
    let data = data.as_slice();
    let header = FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let Some((mut libraries, link)) = sections.gnu_verneed(endian, data)? else { return Ok(()) };
    let strings = sections.strings(endian, data, link)?;
    while let Some((_, mut versions)) = libraries.next()? {
        while let Some(version) = versions.next()? {
            let name = String::from_utf8_lossy(version.name(endian, strings)?).into_owned();
            let (major, minor) = GLIBC;
            ensure!(
                glibc(&name).is_none_or(|found| found <= GLIBC),
                "{} needs {name}, and provided.al2023 has GLIBC_{major}.{minor}; build it on an older \
                 system",
                program.display()
            );
        }
    }
    Ok(())
}

/// The version in a name such as `GLIBC_2.34`.
fn glibc(name: &str) -> Option<(u32, u32)> {
    let (major, rest) = name.strip_prefix("GLIBC_")?.split_once('.')?;
    let minor = rest.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Bakes the model for all processors at once, and returns its folder.
fn bake(model: &str, archs: &[Arch], folder: &Path) -> Result<PathBuf> {
    // A package's folder is often called that and nothing more.
    let path = Path::new(model).components().rev().find(|part| part.as_os_str() != "package");
    let name = path.map(|part| part.as_os_str().to_owned()).unwrap_or_default();
    let baked = folder.join(name).with_extension("baked");
    let mut host_cli = Command::new(root().join("target/release/host-cli"));
    host_cli.current_dir(root()).args(["bake", model, "--json", "--output"]).arg(&baked);
    host_cli.args(archs.iter().flat_map(|arch| ["--target", arch.target()]));
    run(host_cli.stdout(Stdio::null()))?;
    Ok(baked)
}

/// Zips files under other names; the same files give the same bytes. Returns the size.
fn zip(to: &Path, files: &[(&Path, &str)]) -> Result<u64> {
    let mut zip = ZipWriter::new(File::create(to)?);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .unix_permissions(0o755);
    for (file, name) in files {
        zip.start_file(*name, options)?;
        zip.write_all(&fs::read(file).with_context(|| format!("can't read {}", file.display()))?)?;
    }
    Ok(zip.finish()?.metadata()?.len())
}
