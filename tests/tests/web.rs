//! The page and the npm package, used as people use them: in Chromium and Firefox, and from Node.
//! `web/tests` holds the tests; here is what they need on a machine that has never run them.

use std::path::Path;
use std::process::Command;

use conformance::{finished, root, tool_is_there};

/// A browser's names on the path, and the package that Debian has of it.
const BROWSERS: [(&[&str], &str); 2] = [
    (&["chromium", "chromium-browser", "google-chrome"], "chromium"),
    (&["firefox-esr", "firefox"], "firefox-esr"),
];

fn is_on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Installs the browsers that are missing, where this process may.
fn browsers_are_there() -> bool {
    let missing: Vec<_> = BROWSERS
        .iter()
        .filter(|(names, _)| !names.iter().any(|name| is_on_path(name)))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return true;
    }
    let is_root = Command::new("id").arg("-u").output();
    let is_root = is_root.is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    if is_root && is_on_path("apt-get") {
        apt_get(&["update", "-qq"]);
        let install = ["install", "-y", "-qq", "--no-install-recommends"];
        apt_get(&[&install[..], &missing[..]].concat());
    }
    tool_is_there(&missing.join(" and "), missing.iter().all(|package| is_on_path(package)))
}

fn apt_get(arguments: &[&str]) {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
    let (out, error, code) = finished(&mut command);
    assert_eq!(code, Some(0), "apt-get {}: {out}{error}", arguments.join(" "));
}

fn site_is_there() -> bool {
    let built = root().join("target/web/site/site.json").is_file();
    tool_is_there("the page (`cargo xtask web` builds it)", built)
}

fn node(test: &str) {
    let folder = root().join("web");
    let path = format!("tests/{test}");
    assert!(Path::new(&folder).join(&path).is_file(), "{path} is missing");
    let mut node = Command::new("node");
    node.current_dir(folder).args(["--test", path.as_str()]);
    let (out, error, code) = finished(&mut node);
    assert_eq!(code, Some(0), "{out}{error}");
}

// One test, not seven: each of them takes a whole machine.
#[test]
fn the_page_in_chromium_and_firefox_and_the_package_in_node() {
    if !site_is_there() {
        return;
    }
    node("package.test.mjs");
    if browsers_are_there() {
        node("bundler.test.mjs");
        node("firefox.test.mjs");
        node("page.test.mjs");
        node("own.test.mjs");
        node("trust.test.mjs");
        node("servers.test.mjs");
    }
}
