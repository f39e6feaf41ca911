//! How much memory the processes of an environment hold, read from `/proc`.
//!
//! The resident size counts, as on Lambda's `Max Memory Used`; children are included.

use std::fs;

/// Resident bytes now, of the processes `roots` and their descendants.
pub(crate) fn resident_bytes(roots: &[i32]) -> u64 {
    sum(roots, "VmRSS:")
}

/// The largest resident size that each of them ever had, added up.
pub(crate) fn peak_bytes(roots: &[i32]) -> u64 {
    sum(roots, "VmHWM:")
}

fn sum(roots: &[i32], field: &str) -> u64 {
    let mut left = roots.to_vec();
    let mut total = 0_u64;
    // A bound, so that a function that forks without end can't keep the emulator busy.
    for _ in 0..1024 {
        let Some(id) = left.pop() else { break };
        total = total.saturating_add(status_field(id, field).unwrap_or(0));
        left.extend(children(id));
    }
    total
}

fn status_field(id: i32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

fn children(id: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{id}/task")) else { return Vec::new() };
    threads
        .filter_map(Result::ok)
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<i32>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_size() {
        let id = i32::try_from(std::process::id()).unwrap_or(0);
        let now = resident_bytes(&[id]);
        assert!(now > 0);
        assert!(peak_bytes(&[id]) >= now / 2);
    }
}
