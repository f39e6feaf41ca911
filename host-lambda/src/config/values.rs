//! What settings can be: values with names, paths, seconds, policies.

use std::path::Path;
use std::str::FromStr;
#[cfg(feature = "aws")]
use std::time::Duration;

use model_signing::TrustPolicy;
use predictor_api::Cors;

/// What becomes of a record that can't be predicted, however often it is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Poison {
    /// It is reported as failed, so that the source's redrive policy keeps it.
    #[default]
    Report,
    /// Its error is its answer.
    Answer,
}

/// What audit records have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Audit {
    /// The decision and its masked input.
    #[default]
    Inputs,
    /// The decision without its input.
    Decisions,
    /// None are written.
    Off,
}

/// On or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Switch {
    /// On.
    #[default]
    On,
    /// Off.
    Off,
}

/// A type with a few named values.
macro_rules! named {
    ($name:ident, $expected:literal, $($text:literal => $value:ident),+) => {
        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$value),)+
                    _ => Err(format!(concat!("expected ", $expected, ", found {:?}"), text)),
                }
            }
        }
    };
}
named!(Poison, "report or answer", "report" => Report, "answer" => Answer);
named!(Audit, "inputs, decisions or off", "inputs" => Inputs, "decisions" => Decisions, "off" => Off);
named!(Switch, "on or off", "on" => On, "off" => Off);

/// With a slash before it, and none behind it; empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BasePath(pub(crate) String);

impl FromStr for BasePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.trim_end_matches('/');
        if !path.is_empty() && !path.starts_with('/') {
            return Err(format!("expected a path such as /ml, found {text:?}"));
        }
        Ok(Self(path.to_owned()))
    }
}

/// Origins with commas between them, or `*`.
pub(super) fn cors(text: &str) -> Result<Cors, String> {
    Cors::parse(text.split(',').filter(|origin| !origin.trim().is_empty()))
        .map_err(|error| error.to_string())
}

/// A policy as a text, or in a file of the function's.
pub(super) fn trust(text: &str, folder: &Path) -> Result<TrustPolicy, String> {
    let policy = match text.trim_start().starts_with('{') || text.contains("-----BEGIN ") {
        true => TrustPolicy::parse(text),
        false => TrustPolicy::read(&folder.join(text)),
    };
    policy.map_err(|error| error.to_string())
}

/// Seconds, or `off`.
#[cfg(feature = "aws")]
pub(super) fn refresh(text: &str) -> Result<Option<Duration>, String> {
    match text.parse::<u32>() {
        _ if text == "off" => Ok(None),
        Ok(seconds) if seconds > 0 => Ok(Some(Duration::from_secs(seconds.into()))),
        _ => {
            Err(format!("expected a whole number of seconds of at least 1, or off, found {text:?}"))
        }
    }
}
