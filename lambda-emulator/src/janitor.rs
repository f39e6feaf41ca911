//! Removes what must not outlive the emulator and can't be removed by it: folders of the control
//! group file system, which stay busy until their processes are gone, and the function's folder
//! when the emulator is killed.
//!
//! A janitor is a shell that waits on a pipe. The pipe closes when its owner is dropped, or with the
//! emulator, however that ends.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

#[derive(Debug)]
pub(crate) struct Janitor {
    /// Not killed on drop: it has its work to do then.
    _shell: Child,
}

impl Janitor {
    /// Will remove a control group as soon as its processes are gone, for five seconds.
    pub(crate) fn of_control_group(folder: &Path) -> io::Result<Self> {
        let script = r#"read -r end; n=0; until rmdir "$0" || [ $n -gt 100 ]; do n=$((n+1)); sleep 0.05; done"#;
        Self::start(script, folder)
    }

    /// Will remove a folder with all that is in it.
    pub(crate) fn of_folder(folder: &Path) -> io::Result<Self> {
        Self::start(r#"read -r end; rm -rf -- "$0""#, folder)
    }

    fn start(script: &str, argument: &Path) -> io::Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", script])
            .arg(argument)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { _shell: shell })
    }
}
