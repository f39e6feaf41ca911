//! Control groups of the kernel, versions 1 and 2: the memory limit and the processor share.
//!
//! A group can be made by root, or where systemd delegates one. Everywhere else [`create`] says
//! why not, and the caller falls back to polling.
//!
//! [`create`]: ControlGroup::create

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::janitor::Janitor;

/// 1,769 MB of memory buy one processor (AWS: "Configure Lambda function memory").
pub(crate) const MEGABYTES_PER_PROCESSOR: u64 = 1769;

const PERIOD_MICROSECONDS: u64 = 100_000;

/// A folder of the control group file system, removed when dropped.
#[derive(Debug)]
pub(crate) struct ControlGroup {
    folder: PathBuf,
    version: Version,
    _janitor: Janitor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// What a group limits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// Bytes of memory.
    Memory(u64),
    /// The share of a processor that this many megabytes buy.
    Processor { memory_mb: u64 },
}

impl Limit {
    const fn controller(self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Processor { .. } => "cpu",
        }
    }
}

impl ControlGroup {
    /// Makes a group with one limit below the emulator's own, or beside it.
    pub(crate) fn create(limit: Limit) -> io::Result<Self> {
        let membership = fs::read_to_string("/proc/self/cgroup")?;
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let mut refusal = io::Error::new(
            io::ErrorKind::NotFound,
            format!("no control group with the controller {:?}", limit.controller()),
        );
        for (version, parent) in parents(&membership, &mounts, limit.controller()) {
            match Self::create_in(&parent, version, limit) {
                Ok(group) => return Ok(group),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    fn create_in(parent: &Path, version: Version, limit: Limit) -> io::Result<Self> {
        let folder = parent.join(format!("lambda-emulator-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder)?;
        let janitor = Janitor::of_control_group(&folder)?;
        let group = Self { folder, version, _janitor: janitor };
        match (version, limit) {
            (Version::One, Limit::Memory(bytes)) => {
                group.write("memory.limit_in_bytes", &bytes.to_string())?;
                // Not every kernel counts swap; without swap the first line is enough.
                group.write("memory.memsw.limit_in_bytes", &bytes.to_string()).ok();
            }
            (Version::Two, Limit::Memory(bytes)) => {
                group.write("memory.max", &bytes.to_string())?;
                group.write("memory.swap.max", "0").ok();
            }
            (Version::One, Limit::Processor { memory_mb }) => {
                group.write("cpu.cfs_period_us", &PERIOD_MICROSECONDS.to_string())?;
                group.write("cpu.cfs_quota_us", &quota(memory_mb).to_string())?;
            }
            (Version::Two, Limit::Processor { memory_mb }) => {
                group.write("cpu.max", &format!("{} {PERIOD_MICROSECONDS}", quota(memory_mb)))?;
            }
        }
        Ok(group)
    }

    /// Moves a process, with all that it will start, into the group.
    pub(crate) fn add(&self, process: i32) -> io::Result<()> {
        self.write("cgroup.procs", &process.to_string())
    }

    /// Whether the kernel killed a process of the group for want of memory.
    pub(crate) fn killed_for_memory(&self) -> bool {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        fs::read_to_string(self.folder.join(file)).is_ok_and(|text| {
            text.lines()
                .filter_map(|line| line.strip_prefix("oom_kill "))
                .any(|count| count.trim() != "0")
        })
    }

    pub(crate) const fn describe(&self) -> &'static str {
        match self.version {
            Version::One => "control group (version 1)",
            Version::Two => "control group (version 2)",
        }
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        let path = self.folder.join(file);
        // Writing must not create a file where the controller is missing.
        let result = fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
        result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }
}

fn quota(memory_mb: u64) -> u64 {
    (PERIOD_MICROSECONDS * memory_mb / MEGABYTES_PER_PROCESSOR).max(1000)
}

/// The folders in which a group may be made, best first: the emulator's own group, then the one
/// above it (version 2 lets no group have both processes and limited children).
fn parents(membership: &str, mounts: &str, controller: &str) -> Vec<(Version, PathBuf)> {
    let mut found = Vec::new();
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(mount), Some(kind), Some(flags)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let version = match kind {
            "cgroup" if flags.split(',').any(|flag| flag == controller) => Version::One,
            "cgroup2" => Version::Two,
            _ => continue,
        };
        let own = membership.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let matches = match version {
                Version::One => controllers.split(',').any(|name| name == controller),
                Version::Two => controllers.is_empty(),
            };
            matches.then_some(path.trim_start_matches('/'))
        });
        let Some(own) = own else { continue };
        let own = Path::new(mount).join(own);
        let above = own.parent().filter(|above| above.starts_with(mount)).map(Path::to_path_buf);
        found.push((version, own));
        found.extend(above.map(|above| (version, above)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(membership: &str, mounts: &str, expected: &[(Version, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(version, path)| (*version, PathBuf::from(path))).collect();
        assert_eq!(parents(membership, mounts, "memory"), expected);
    }

    #[test]
    fn finds_where_a_group_may_be_made() {
        check(
            "4:memory:/a/b\n0::/\n",
            "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n",
            &[
                (Version::One, "/sys/fs/cgroup/memory/a/b"),
                (Version::One, "/sys/fs/cgroup/memory/a"),
            ],
        );
        check(
            "0::/user.slice/x.scope\n",
            "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
            &[
                (Version::Two, "/sys/fs/cgroup/user.slice/x.scope"),
                (Version::Two, "/sys/fs/cgroup/user.slice"),
            ],
        );
        check("0::/\n", "proc /proc proc rw 0 0\n", &[]);
    }
}
