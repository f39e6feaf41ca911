//! Reads variables and collects what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The environment, and what is wrong in it so far.
pub(super) struct Variables {
    all: BTreeMap<OsString, OsString>,
    asked: BTreeSet<&'static str>,
    wrong: Vec<String>,
}

/// Settings that are wrong.
#[derive(Debug)]
pub(crate) struct Wrong(Vec<String>);

impl Variables {
    pub(super) fn new(all: BTreeMap<OsString, OsString>) -> Self {
        Self { all, asked: BTreeSet::new(), wrong: Vec::new() }
    }

    /// A path, if the variable is set and not empty.
    pub(super) fn path(&mut self, name: &'static str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }

    /// A text, if the variable is set and not empty.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.raw(name)?.into_string() {
            Ok(text) => Some(text),
            Err(_) => {
                self.wrong.push(format!("{name}: not UTF-8 text"));
                None
            }
        }
    }

    /// A text that Lambda always sets.
    pub(super) fn required(&mut self, name: &'static str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.wrong.push(format!("{name}: is not set; AWS Lambda sets it"));
            String::new()
        })
    }

    /// A positive number.
    pub(super) fn number<T: FromStr + PartialOrd + From<u8>>(
        &mut self,
        name: &'static str,
    ) -> Option<T> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(number) if number >= T::from(1) => Some(number),
            _ => {
                let expected = "expected a whole number of at least 1, within reason";
                self.wrong.push(format!("{name}: {expected}, found {text:?}"));
                None
            }
        }
    }

    /// A value that says itself what is wrong with it.
    pub(super) fn parsed<T: FromStr<Err = String>>(&mut self, name: &'static str) -> Option<T> {
        self.read(name, str::parse)
    }

    /// What a function makes of a text, if the variable is set and not empty.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = read(&self.text(name)?);
        parsed.map_err(|message| self.wrong.push(format!("{name}: {message}"))).ok()
    }

    /// Variables with this prefix that nobody asked for.
    pub(super) fn unknown(&self, prefix: &str) -> Vec<String> {
        let names = self.all.keys().filter_map(|name| name.to_str());
        let unknown = names.filter(|name| name.starts_with(prefix) && !self.asked.contains(name));
        unknown.map(str::to_owned).collect()
    }

    /// The value, if nothing was wrong.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Wrong> {
        if self.wrong.is_empty() { Ok(value) } else { Err(Wrong(self.wrong)) }
    }

    fn raw(&mut self, name: &'static str) -> Option<OsString> {
        self.asked.insert(name);
        self.all.get(std::ffi::OsStr::new(name)).filter(|value| !value.is_empty()).cloned()
    }
}

impl Wrong {
    pub(crate) fn one(message: impl Into<String>) -> Self {
        Self(vec![message.into()])
    }

    pub(crate) fn all(messages: Vec<String>) -> Self {
        Self(messages)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => f.write_str(one),
            all => {
                write!(f, "{} settings are wrong", all.len())?;
                all.iter().try_for_each(|message| write!(f, "\n  {message}"))
            }
        }
    }
}

impl std::error::Error for Wrong {}
