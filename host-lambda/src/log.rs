//! Structured logs: one line an entry, on standard output, where Lambda collects them. JSON unless
//! the function's logging configuration asks for text.

use std::io::Write;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::clock;

/// How lines are written (`AWS_LAMBDA_LOG_FORMAT`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// Level, request and message, then the fields.
    Text,
}

/// How much an entry matters (`AWS_LAMBDA_LOG_LEVEL`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Every step.
    Trace,
    /// For whoever looks for a mistake.
    Debug,
    /// What happened.
    #[default]
    Info,
    /// What someone should look at.
    Warn,
    /// What failed.
    Error,
    /// What ends the process.
    Fatal,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(format!("expected JSON or Text, found {text:?}")),
        }
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];
        let found = all.into_iter().find(|level| level.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            format!("expected TRACE, DEBUG, INFO, WARN, ERROR or FATAL, found {text:?}")
        })
    }
}

/// Whom an entry is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// The request's id.
    pub(crate) request: &'a str,
    /// The trace that it belongs to.
    pub(crate) trace: Option<&'a str>,
}

/// The log.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    format: Format,
    level: Level,
    service: String,
}

impl Log {
    pub(crate) fn new(format: Format, level: Level, service: String) -> Self {
        Self { format, level, service }
    }

    /// Writes an entry, if its level is one that is written.
    pub(crate) fn write<const N: usize>(
        &self,
        level: Level,
        about: Option<About<'_>>,
        message: &str,
        fields: [(&str, Value); N],
    ) {
        if level >= self.level {
            // A log that can't be written can't be written about either.
            drop(print(self.line(level, about, message, &fields).as_bytes()));
        }
    }

    fn line(
        &self,
        level: Level,
        about: Option<About<'_>>,
        message: &str,
        fields: &[(&str, Value)],
    ) -> String {
        if self.format == Format::Text {
            let request = about.map_or("-", |about| about.request);
            // One entry is one line, whatever is in it.
            let mut line = format!("{}\t{request}\t{}", level.name(), message.escape_debug());
            for (name, value) in fields {
                line += &format!("\t{name}={value}");
            }
            return line + "\n";
        }
        let mut entry = Map::new();
        let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        put("timestamp", clock::now().into());
        put("level", level.name().into());
        put("service", self.service.as_str().into());
        if let Some(about) = about {
            put("requestId", about.request.into());
            if let Some(trace) = about.trace {
                put("traceId", trace.into());
            }
        }
        put("message", message.into());
        for (name, value) in fields {
            put(name, value.clone());
        }
        Value::Object(entry).to_string() + "\n"
    }
}

/// Writes whole lines at once, so that none is torn.
///
/// # Errors
/// If standard output is gone.
pub(crate) fn print(lines: &[u8]) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(lines)?;
    output.flush()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    const ABOUT: Option<About<'static>> = Some(About { request: "r-1", trace: Some("1-5e") });

    #[test]
    fn an_entry_is_one_line_of_json() {
        let log = Log::new(Format::Json, Level::Info, "fraud".into());
        let line = log.line(Level::Warn, ABOUT, "two\nlines", &[("count", 2.into())]);
        assert_eq!(line.lines().count(), 1);
        let entry: Value = serde_json::from_str(&line).unwrap();
        assert!(entry["timestamp"].as_str().unwrap().ends_with('Z'), "{entry}");
        for (name, expected) in [
            ("level", "WARN"),
            ("service", "fraud"),
            ("requestId", "r-1"),
            ("traceId", "1-5e"),
            ("message", "two\nlines"),
        ] {
            assert_eq!(entry[name], expected);
        }
        assert_eq!(entry["count"], 2);
    }

    #[test]
    fn an_entry_is_one_line_of_text() {
        let log = Log::new(Format::Text, Level::Info, "fraud".into());
        let line = log.line(Level::Error, ABOUT, "two\nlines", &[("code", "trap".into())]);
        assert_eq!(line, "ERROR\tr-1\ttwo\\nlines\tcode=\"trap\"\n");
    }
}
