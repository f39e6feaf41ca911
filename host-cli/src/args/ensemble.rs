//! The arguments of `ensemble`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use model_package::Combine;

use super::{Settings, Threshold};

/// Make a package of several: their answers become one
///
/// Members are taken as they are, and can be anything that is used as a model elsewhere; with --trust,
/// each has to be trusted. They do the same task and have the same labels. Fields, score and actions
/// are taken from the members, and what can't be is told. The package is sealed with the component's
/// answers to a member's reference cases.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli ensemble trees=fraud net=./fraud-net -o both --combine average
  host-cli ensemble fraud ./fraud-net -o both --combine weighted --weights 3,1
  host-cli ensemble a b c -o committee --combine vote
  host-cli ensemble fraud ./fraud-net -o stack --combine stacked --with ./stacker

The stacker is a tabular package with a field for each number that it takes: MEMBER for a member's
score, MEMBER.LABEL for its probability of a label.")]
pub(crate) struct Ensemble {
    /// The members: bundled models' names, or paths of packages; NAME=MODEL gives one a name
    #[arg(value_name = "[NAME=]MODEL", required = true, num_args = 2..)]
    pub(crate) models: Vec<String>,
    /// How the members' answers become one
    #[arg(long, value_enum)]
    pub(crate) combine: CombineBy,
    /// weighted: how much each member counts, in their order, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', required_if_eq("combine", "weighted"))]
    pub(crate) weights: Vec<f64>,
    /// stacked: the package that takes the members' answers and gives the ensemble's
    #[arg(long, value_name = "[NAME=]MODEL", required_if_eq("combine", "stacked"))]
    pub(crate) with: Option<String>,
    /// Where the package goes
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// The ensemble's name [default: as the folder's]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The ensemble's version
    #[arg(long, value_name = "VERSION", default_value = "1.0.0")]
    pub(crate) model_version: String,
    /// The licence of the whole (SPDX expression) [default: those of all packages]
    #[arg(long, value_name = "SPDX")]
    pub(crate) license: Option<String>,
    /// The label whose probability is the score [default: as the members have it]
    #[arg(long, value_name = "LABEL")]
    pub(crate) score: Option<String>,
    /// An action where the score is above a number; may be given more than once [default: as the
    /// members have it]
    #[arg(long, value_name = "ABOVE=ACTION")]
    pub(crate) threshold: Vec<Threshold>,
    /// The action where no threshold is reached
    #[arg(long, value_name = "ACTION", default_value = "none", requires = "threshold")]
    pub(crate) otherwise: String,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// How answers become one.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CombineBy {
    /// The mean of probabilities or values
    Average,
    /// The same with a weight for each member
    Weighted,
    /// A vote of each member for its label
    Vote,
    /// Another package, given with --with
    Stacked,
}

impl CombineBy {
    pub(crate) fn combine(self) -> Combine {
        match self {
            Self::Average => Combine::Average,
            Self::Weighted => Combine::Weighted,
            Self::Vote => Combine::Vote,
            Self::Stacked => Combine::Stacked,
        }
    }
}
