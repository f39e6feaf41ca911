//! Headers by path, as a page's build writes them into `_headers`: a line with a path, which may end
//! in `*`, and below it indented headers. Of several rules that fit, the later one counts.

use std::path::Path;

use anyhow::Result;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::failure::InputError;

/// The file's name.
const NAME: &str = "_headers";
/// Bytes of the file.
const LARGEST: u64 = 256 << 10;

/// Rules, in order.
#[derive(Debug, Default)]
pub(super) struct HeaderRules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    path: String,
    headers: HeaderMap,
}

impl HeaderRules {
    /// The rules in a folder, if it has any.
    ///
    /// # Errors
    /// With the line that is none.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let Ok(metadata) = path.metadata() else { return Ok(Self::default()) };
        let wrong = |message: String| InputError(format!("{}: {message}", path.display()));
        if metadata.len() > LARGEST {
            return Err(wrong(format!("larger than {} KiB", LARGEST >> 10)).into());
        }
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        Ok(Self::parse(&text).map_err(wrong)?)
    }

    /// Whether this is the file of the rules, which is for the server alone.
    pub(super) fn is_at(path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == NAME)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut rules: Vec<Rule> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let wrong = |what: &str| format!("line {}: {what}", index + 1);
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with('/') {
                rules.push(Rule { path: line.trim().to_owned(), headers: HeaderMap::new() });
                continue;
            }
            let rule = rules.last_mut().ok_or_else(|| wrong("a header before any path"))?;
            let header = line.split_once(':').and_then(|(name, value)| {
                let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
                Some((name, HeaderValue::from_str(value.trim()).ok()?))
            });
            let expected = "expected a path, or an indented header, as in `X-Name: value`";
            let (name, value) = header.ok_or_else(|| wrong(expected))?;
            rule.headers.insert(name, value);
        }
        Ok(Self(rules))
    }

    /// Sets the headers of a path.
    pub(super) fn apply(&self, path: &str, headers: &mut HeaderMap) {
        let fits = |rule: &&Rule| match rule.path.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == rule.path,
        };
        for rule in self.0.iter().filter(fits) {
            for (name, value) in &rule.headers {
                headers.insert(name, value.clone());
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_later_rule_counts() {
        let text = "# all\n/*\n  X-A: 1\n  X-B: b: c\n\n/assets/*\n  X-A: 2\n/exact\n  x-a: 3\n";
        let rules = HeaderRules::parse(text).unwrap();
        let check = |path: &str, expected: &str| {
            let mut headers = HeaderMap::new();
            rules.apply(path, &mut headers);
            assert_eq!(headers.get("x-a").unwrap(), expected, "{path}");
            assert_eq!(headers.get("x-b").unwrap(), "b: c");
        };
        check("/", "1");
        check("/assets/x.js", "2");
        check("/exact", "3");
        check("/exactly", "1");
    }

    #[test]
    fn lines_that_are_none_are_named() {
        let check = |text: &str, expected: &str| {
            let error = HeaderRules::parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        };
        check("  X-A: 1\n", "line 1: a header before any path");
        check("/\n  X-A 1\n", "line 2: expected a path, or an indented header");
        check("/\n\n  X A: 1\n", "line 3: expected a path, or an indented header");
    }
}
