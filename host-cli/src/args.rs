//! What the command line says. Parsing acts on nothing.

mod audit;
mod emulate;
mod ensemble;
mod serve;
mod store;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use model_package::Task;

use predictor_host::{Policy, Target};

pub(crate) use audit::{Audit, AuditCommand, AuditReplay, AuditVerify};
pub(crate) use emulate::Emulate;
pub(crate) use ensemble::Ensemble;
pub(crate) use serve::Serve;
pub(crate) use store::{CanaryPlan, Promote, Pull, Push, Rollout, SignWith};

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\ncomponent ", env!("COMPONENT_DIGEST"));

const EXAMPLES: &str = "\
Examples:
  host-cli predict models/fraud/examples/suspicious.json
  host-cli predict --format table models/fraud/examples/batch.json
  cat transaction.json | host-cli predict --model fraud -
  host-cli inspect fraud
  host-cli check exported
  host-cli verify models/fraud/package
  host-cli bake fraud && host-cli predict --model fraud-1.0.0.baked transaction.json

Exit codes:
  0  all is well
  1  a check failed (audit, check, verify)
  2  the command line is wrong
  3  the input is wrong
  4  the model is wrong or not there
  5  an internal error";

/// Runs models in the sandbox of one WebAssembly component, the same bytes as everywhere else.
#[derive(Parser)]
#[command(name = "host-cli", version = VERSION, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Settings of every command that runs the component.
#[derive(Args)]
pub(crate) struct Settings {
    /// Where compiled components are kept [default: samebits in the user's cache folder]
    #[arg(long, env = "SAMEBITS_CACHE", hide_env_values = true, value_name = "FOLDER")]
    pub(crate) cache: Option<PathBuf>,
    /// Memory that the sandbox may take, in MiB
    #[arg(
        long, env = "SAMEBITS_MEMORY", hide_env_values = true, value_name = "MIB", default_value_t = 2048,
        value_parser = clap::value_parser!(u32).range(1..=4096)
    )]
    pub(crate) memory: u32,
    /// Operations that one call may take, counted before it runs [default: 2e11]
    #[arg(long, env = "SAMEBITS_OPERATIONS", hide_env_values = true, value_name = "N")]
    pub(crate) operations: Option<u64>,
    /// Seconds that one call may take, where its operations can't be counted before
    #[arg(
        long, env = "SAMEBITS_DEADLINE", hide_env_values = true, value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub(crate) deadline: u64,
    /// Threads that work on one batch [default: one a core]
    #[arg(
        long, env = "SAMEBITS_THREADS", hide_env_values = true, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    pub(crate) threads: Option<u16>,
    /// Whether calls share a sandbox: fresh, reuse, or reuse:N for at most N calls [default: fresh
    /// for baked models, else reuse]
    #[arg(long, env = "SAMEBITS_SANDBOX", hide_env_values = true, value_name = "POLICY")]
    pub(crate) sandbox: Option<Policy>,
    /// Use no model but those that this trusts: a public key, root certificates (both PEM), or a
    /// trust policy (JSON). Bundled models are trusted as this program is
    #[arg(long, env = "SAMEBITS_TRUST", hide_env_values = true, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Predict(Predict),
    Serve(Box<Serve>),
    Inspect(Inspect),
    Models(Models),
    Check(Check),
    Verify(Verify),
    Package(Package),
    Ensemble(Ensemble),
    Seal(Seal),
    Sign(Sign),
    Push(Push),
    Pull(Pull),
    Promote(Promote),
    Rollout(Rollout),
    Audit(Audit),
    Bake(Bake),
    Component(Component),
    Bench(Bench),
    Emulate(Box<Emulate>),
    Completions(Completions),
}

/// Predict a photo, a text, or the instances of a JSON file
///
/// A JSON file holds one object, or an array of objects. What comes out has the same form: the
/// prediction of an object, or an array with a prediction or an error for each, in the same order.
/// A folder of pictures is one array. In JSON, {"image": …} is the base64 of a picture or its path,
/// and {"text": …} a text. The line end at the end of a text file is not part of its text.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli predict models/fraud/examples/ordinary.json
  host-cli predict --format table models/fraud/examples/batch.json
  host-cli predict --model ./package --top 3 photo.jpg
  echo '{\"amount\": 12}' | host-cli predict --model fraud -

Without --model, the model is the one whose folder the file lies in (models/fraud for
models/fraud/examples/ordinary.json), or else the only bundled one that takes such an input.")]
pub(crate) struct Predict {
    /// The file, a folder of pictures, or - for standard input
    pub(crate) input: PathBuf,
    /// A bundled model's name, or the path of a package (folder, archive or .onnx file) or baked model
    #[arg(short, long, env = "SAMEBITS_MODEL", hide_env_values = true, value_name = "NAME|PATH")]
    pub(crate) model: Option<String>,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Format::Json)]
    pub(crate) format: Format,
    /// Show only the labels with the largest probabilities, the largest first
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) top: Option<u16>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Indented JSON
    Json,
    /// A prediction a line
    Jsonl,
    /// A table for people
    Table,
}

/// Say what a model is: inputs, outputs, operators, sizes, digests
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli inspect fraud
  host-cli inspect --json models/fraud/package")]
pub(crate) struct Inspect {
    /// A bundled model's name, or the path of a package (folder, archive or .onnx file)
    #[arg(value_name = "NAME|PATH")]
    pub(crate) model: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// List the bundled models
#[derive(Args)]
pub(crate) struct Models {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Check that ONNX models give the answers that lie beside them
///
/// Takes ONNX files, and folders of any depth with model.onnx and test_data_set_0/input_0.pb,
/// output_0.pb and so on, as the ONNX test data have them. Each model runs in the component. Types
/// and shapes, labels, strings and whole numbers have to be the same, floats within |found -
/// expected| <= atol + rtol * |expected|; NaN equals NaN.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli check exported/random_forest
  host-cli check --json exported > report.json
  host-cli check --rtol 1e-5 model.onnx")]
pub(crate) struct Check {
    /// ONNX files, or folders with them
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// How far a float may be off, as a part of the expected one
    #[arg(long, value_name = "PART", default_value_t = 1e-3, value_parser = tolerance)]
    pub(crate) rtol: f64,
    /// How far a float may be off besides
    #[arg(long, value_name = "DISTANCE", default_value_t = 1e-5, value_parser = tolerance)]
    pub(crate) atol: f64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

fn tolerance(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    value.ok_or_else(|| "expected a number that is not negative".into())
}

/// Check who signed a model, and that its reference cases give the exact bits
///
/// With --trust the signature comes first, then the digest of every file that it covers, then the
/// reference cases. Without, a signature is not looked at.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli verify fraud
  host-cli verify --trust release.pub.pem models/fraud/package
  host-cli verify --trust trust.json fraud-1.0.0.baked")]
pub(crate) struct Verify {
    /// A bundled model's name, or the path of a package (folder, archive or .onnx file) or baked model
    #[arg(value_name = "NAME|PATH")]
    pub(crate) model: String,
    /// The signature [default: model.sig beside the model's files]
    #[arg(long, value_name = "FILE", requires = "trust")]
    pub(crate) signature: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Make a package of an ONNX file, or of a folder that Hugging Face's Optimum exported
///
/// Of an ONNX file, inputs, outputs, labels and task are inferred, and what can't be is told. Of a
/// folder, model.onnx, config.json, and as the task needs tokenizer.json, tokenizer_config.json and
/// preprocessor_config.json are read: text classification, embeddings, token and image
/// classification, and detection with DETR. The package is sealed with the component's answers.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli package iris.onnx -o iris --columns sepal_length,sepal_width,petal_length,petal_width
  host-cli package churn.onnx -o churn --score stay --threshold 0.8=keep --samples rows.json
  host-cli predict --model churn customer.json

  optimum-cli export onnx --model distilbert-base-uncased-finetuned-sst-2-english sst2
  host-cli package sst2 --license Apache-2.0
  host-cli predict --model sst2/package review.txt")]
pub(crate) struct Package {
    /// The ONNX file or the folder
    #[arg(value_name = "PATH")]
    pub(crate) source: PathBuf,
    /// Where the package goes [default: package in the folder, or beside the file]
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    /// What the model does [default: as config.json says, or as it is inferred]
    #[arg(long, value_enum)]
    pub(crate) task: Option<PackageTask>,
    /// The model's name [default: as the folder's or file's]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The model's version
    #[arg(long, value_name = "VERSION", default_value = "1.0.0")]
    pub(crate) model_version: String,
    /// The licence of the model (SPDX expression)
    #[arg(long, value_name = "SPDX", default_value = "NOASSERTION")]
    pub(crate) license: String,
    /// ONNX files: names of the columns, in the order of the graph's inputs
    ///
    /// Separated by commas, or a file with a name a line or a JSON array.
    #[arg(long, value_name = "LIST|FILE")]
    pub(crate) columns: Option<String>,
    /// ONNX files: names of the labels, in the order of the probabilities
    #[arg(long, value_name = "LIST|FILE")]
    pub(crate) labels: Option<String>,
    /// ONNX files: the label whose probability is the score [default: of two the second]
    #[arg(long, value_name = "LABEL")]
    pub(crate) score: Option<String>,
    /// ONNX files: an action where the score is above a number; may be given more than once
    #[arg(long, value_name = "ABOVE=ACTION")]
    pub(crate) threshold: Vec<Threshold>,
    /// ONNX files: the action where no threshold is reached
    #[arg(long, value_name = "ACTION", default_value = "none", requires = "threshold")]
    pub(crate) otherwise: String,
    /// ONNX files: inputs for reference cases, as JSON (an object, or an array of them) or .npz
    #[arg(long, value_name = "FILE")]
    pub(crate) samples: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

impl Package {
    /// An option that was given and is for ONNX files only.
    pub(crate) fn for_graphs(&self) -> Option<&'static str> {
        let options = [
            ("--columns", self.columns.is_some()),
            ("--labels", self.labels.is_some()),
            ("--score", self.score.is_some()),
            ("--threshold", !self.threshold.is_empty()),
            ("--samples", self.samples.is_some()),
        ];
        options.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}

/// The tasks that a package can be made for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PackageTask {
    TabularClassification,
    TabularRegression,
    ImageClassification,
    ObjectDetection,
    TextClassification,
    TextEmbedding,
    TokenClassification,
    Tensors,
}

impl PackageTask {
    pub(crate) fn task(self) -> Task {
        match self {
            Self::TabularClassification => Task::TabularClassification,
            Self::TabularRegression => Task::TabularRegression,
            Self::ImageClassification => Task::ImageClassification,
            Self::ObjectDetection => Task::ObjectDetection,
            Self::TextClassification => Task::TextClassification,
            Self::TextEmbedding => Task::TextEmbedding,
            Self::TokenClassification => Task::TokenClassification,
            Self::Tensors => Task::Tensors,
        }
    }
}

/// What to do where the score is above a number.
#[derive(Clone, Debug)]
pub(crate) struct Threshold {
    pub(crate) above: f64,
    pub(crate) action: String,
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').filter(|(_, action)| !action.is_empty());
        let above = parts.and_then(|(above, _)| above.parse::<f64>().ok());
        match (parts, above.filter(|above| above.is_finite())) {
            (Some((_, action)), Some(above)) => Ok(Self { above, action: action.into() }),
            _ => Err(format!("expected a number and an action, as in 0.8=block, found {text:?}")),
        }
    }
}

/// Write the bits that the component answers into a package's reference cases
///
/// Rewrites the file of role reference-cases, and size and digest of every file in manifest.json.
/// The last step of making a package; the answers are those of this program's component.
#[derive(Args)]
pub(crate) struct Seal {
    /// The package's folder
    #[arg(value_name = "FOLDER")]
    pub(crate) package: PathBuf,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Sign a package or a baked model, so that others can check where it comes from
///
/// Writes model.sig, in the format of OpenSSF model signing: the digest of every file, signed. The
/// key is ECDSA on P-256 or P-384, or Ed25519; make one with
///
///   openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out release.pem
///   openssl pkey -in release.pem -pubout -out release.pub.pem
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli sign models/fraud/package --key release.pem
  host-cli sign fraud-1.0.0.baked --key release.pem
  host-cli sign models/fraud/package --key signer.pem --certificate signer.crt --certificate ca.crt")]
pub(crate) struct Sign {
    /// The folder of a package or a baked model
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: String,
    /// The private key (PEM, not encrypted)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The signer's certificate (PEM), followed by those that lead to a root, in one file or several
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Vec<PathBuf>,
    /// Where the signature goes [default: model.sig in the folder]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Bake a model into the component: milliseconds to the first answer
///
/// Loads the model, makes a component of what the sandbox has become, and compiles it ahead of time.
/// The folder that comes out is used wherever a package is. component.wasm in it is an ordinary
/// component that needs no load and gives the same bits.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli bake fraud
  host-cli bake fraud --target x86_64-unknown-linux-gnu --target aarch64-unknown-linux-gnu
  host-cli bake models/fraud/package --output fraud.baked")]
pub(crate) struct Bake {
    /// A bundled model's name, or the path of a package (folder, archive or .onnx file)
    #[arg(value_name = "NAME|PATH")]
    pub(crate) model: String,
    /// The folder to write [default: NAME-VERSION.baked]
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    /// What to compile for; may be given more than once [default: this machine's]
    ///
    /// The code runs on every machine of AWS Lambda of that kind: AVX2 on x86_64, Graviton2 on
    /// aarch64.
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Vec<Target>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Show the embedded component: digest, imports (none), exports
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli component
  host-cli component --output predictor.wasm
  host-cli component --compile predictor.cwasm")]
pub(crate) struct Component {
    /// Write the component's bytes, to run them elsewhere
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write the component as compiled for this machine (FILE, and its record beside it)
    #[arg(long, value_name = "FILE")]
    pub(crate) compile: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Measure start, single predictions and batches
#[derive(Args)]
pub(crate) struct Bench {
    /// A bundled model's name, or the path of a package (folder, archive or .onnx file)
    #[arg(value_name = "NAME|PATH", default_value = "fraud")]
    pub(crate) model: String,
    /// A JSON array of instances to measure with [default: the model's reference cases]
    #[arg(long, value_name = "FILE")]
    pub(crate) instances: Option<PathBuf>,
    /// The size of a batch; may be given more than once
    #[arg(long, value_name = "SIZE", default_values = ["1", "32", "1000"], value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) batch: Vec<u16>,
    /// How long to measure each figure
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_help = "\
Example:
  host-cli completions bash > ~/.local/share/bash-completion/completions/host-cli")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
