//! Ensembles: a package whose answer is made of those of other packages.
//!
//! Each member lies in the ensemble's package as it is, manifest and all, in a folder of its own, so
//! that its digest is still the one that it has alone.

use serde::{Deserialize, Serialize};

/// The folder in which members lie.
pub(crate) const FOLDER: &str = "members/";

/// Which members there are, and how their answers become one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ensemble {
    /// The members, at least two, in the order in which they are computed with.
    pub members: Vec<Member>,
    /// How their answers become one.
    pub combine: Combine,
    /// `stacked`: the name of the package that the members' answers are given to. It lies where
    /// members lie, and is none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stacker: Option<String>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// What it is called here; its package lies in `members/NAME`.
    pub name: String,
    /// `weighted`: how much it counts beside the others; not negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
}

/// How answers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// The mean of the members' probabilities, label by label; of a regression, of their values.
    Average,
    /// The same with a weight for each.
    Weighted,
    /// Each member votes for its label; probabilities are shares of the votes.
    Vote,
    /// Another package takes the members' answers and gives the ensemble's.
    Stacked,
}

impl Combine {
    /// The name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Weighted => "weighted",
            Self::Vote => "vote",
            Self::Stacked => "stacked",
        }
    }
}

/// What a field of the stacker is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackerField {
    /// The member's place.
    pub member: usize,
    /// The place of the label whose probability it is; of none, the member's score.
    pub label: Option<usize>,
}

impl Ensemble {
    /// The folder of the package of this name, with the `/` at its end.
    #[must_use]
    pub fn folder(name: &str) -> String {
        format!("{FOLDER}{name}/")
    }

    /// The names of all packages inside: the members, then the stacker.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str()).chain(self.stacker.as_deref())
    }

    /// What fills the stacker's field of this name: `MEMBER` is a member's score, `MEMBER.LABEL` its
    /// probability of a label.
    #[must_use]
    pub fn stacker_field(&self, labels: &[String], field: &str) -> Option<StackerField> {
        let (name, label) = field.split_once('.').map_or((field, None), |(n, l)| (n, Some(l)));
        let member = self.members.iter().position(|member| member.name == name)?;
        let label = match label {
            Some(label) => Some(labels.iter().position(|known| known == label)?),
            None => None,
        };
        Some(StackerField { member, label })
    }
}
