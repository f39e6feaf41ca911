//! Which limits hold on this machine: a control group where one can be made, else polling, else none.

use std::time::Duration;

use crate::control_group::{ControlGroup, Limit};
use crate::options::{Function, MemoryLimit};

/// How often the resident size is looked at where no control group can be made.
pub(crate) const MEMORY_POLL: Duration = Duration::from_millis(10);
/// How the memory limit is enforced.
#[derive(Debug)]
pub(crate) enum MemoryControl {
    Group(ControlGroup),
    Poll,
    Off,
}

pub(crate) fn memory_control(function: &Function) -> MemoryControl {
    match function.memory_limit {
        MemoryLimit::Off => MemoryControl::Off,
        MemoryLimit::Poll => MemoryControl::Poll,
        MemoryLimit::Auto => {
            let bytes = u64::from(function.memory_mb) * 1024 * 1024;
            match ControlGroup::create(Limit::Memory(bytes)) {
                Ok(group) => MemoryControl::Group(group),
                Err(error) => {
                    tracing::debug!(%error, "no control group for memory");
                    MemoryControl::Poll
                }
            }
        }
    }
}

pub(crate) fn processor_control(function: &Function) -> Option<ControlGroup> {
    if !function.cpu_share {
        return None;
    }
    let limit = Limit::Processor { memory_mb: u64::from(function.memory_mb) };
    ControlGroup::create(limit)
        .inspect_err(|error| tracing::warn!(%error, "the processor share is not applied"))
        .ok()
}

/// Says how the limits are enforced on this machine.
pub(crate) fn describe_limits(function: &Function) -> String {
    let memory = match memory_control(function) {
        MemoryControl::Group(group) => group.describe().to_owned(),
        MemoryControl::Poll => {
            format!("resident size, looked at every {} ms", MEMORY_POLL.as_millis())
        }
        MemoryControl::Off => "measured, not enforced".to_owned(),
    };
    let processor = match (function.cpu_share, processor_control(function)) {
        (false, _) => "all of the machine".to_owned(),
        (true, Some(group)) => format!("{:.3} of one, {}", share(function), group.describe()),
        (true, None) => "not applied: no control group can be made".to_owned(),
    };
    format!("memory {} MB: {memory}; processors: {processor}", function.memory_mb)
}

fn share(function: &Function) -> f64 {
    f64::from(function.memory_mb) / 1769.0
}
