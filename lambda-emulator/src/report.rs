//! The lines that Lambda writes about an invoke and about an initialisation, in CloudWatch's format.

use std::time::Duration;

/// How an invoke or an initialisation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvokeStatus {
    /// The function answered, with a response or with an error of its own.
    Success,
    /// Its time ran out.
    Timeout,
    /// With the error's type, as in `Runtime.ExitError`.
    Error(String),
}

impl InvokeStatus {
    /// The word in telemetry events.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Timeout => "timeout",
            Self::Error(_) => "error",
        }
    }
}

/// What is known when an invoke is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The invocation's id.
    pub request_id: String,
    /// From the thaw until the environment was at rest again.
    pub duration: Duration,
    /// From the start of the processes until all asked for work; only where this invoke waited for
    /// it.
    pub init: Option<Duration>,
    /// The function's memory in MB.
    pub memory_mb: u32,
    /// The largest resident size so far, of all processes together.
    pub peak_bytes: u64,
    /// How it ended.
    pub status: InvokeStatus,
}

impl Report {
    /// Whole milliseconds, rounded up; initialisation is billed since August 2025.
    pub fn billed_ms(&self) -> u128 {
        let billed = self.duration + self.init.unwrap_or_default();
        billed.as_micros().div_ceil(1000).max(1)
    }

    /// The peak in whole MB, at most the limit.
    pub fn peak_mb(&self) -> u64 {
        self.peak_bytes.div_ceil(1024 * 1024).min(u64::from(self.memory_mb))
    }

    /// The line in CloudWatch's format.
    pub fn line(&self) -> String {
        let mut line = format!(
            "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t",
            self.request_id,
            milliseconds(self.duration),
            self.billed_ms(),
            self.memory_mb,
            self.peak_mb(),
        );
        if let Some(init) = self.init {
            line.push_str(&format!("Init Duration: {:.2} ms\t", milliseconds(init)));
        }
        line.push_str(&status_fields(&self.status));
        line
    }
}

/// `INIT_REPORT`, written when an initialisation fails. `phase` is `init` or `invoke`.
pub(crate) fn init_line(duration: Duration, phase: &str, status: &InvokeStatus) -> String {
    format!(
        "INIT_REPORT Init Duration: {:.2} ms\tPhase: {phase}\t{}",
        milliseconds(duration),
        status_fields(status)
    )
}

fn status_fields(status: &InvokeStatus) -> String {
    match status {
        InvokeStatus::Success => String::new(),
        InvokeStatus::Timeout => "Status: timeout".to_owned(),
        InvokeStatus::Error(error_type) => format!("Status: error\tError Type: {error_type}"),
    }
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(report: &Report, expected: &str) {
        assert_eq!(report.line(), expected);
    }

    #[test]
    fn lines_are_cloudwatchs() {
        let warm = Report {
            request_id: "8f507cfc-example".to_owned(),
            duration: Duration::from_micros(1_230),
            init: None,
            memory_mb: 128,
            peak_bytes: 15 * 1024 * 1024,
            status: InvokeStatus::Success,
        };
        check(
            &warm,
            "REPORT RequestId: 8f507cfc-example\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 15 MB\t",
        );
        check(
            &Report { init: Some(Duration::from_micros(13_600)), ..warm.clone() },
            "REPORT RequestId: 8f507cfc-example\tDuration: 1.23 ms\tBilled Duration: 15 ms\tMemory Size: 128 MB\tMax Memory Used: 15 MB\tInit Duration: 13.60 ms\t",
        );
        check(
            &Report { status: InvokeStatus::Timeout, peak_bytes: u64::MAX, ..warm.clone() },
            "REPORT RequestId: 8f507cfc-example\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: timeout",
        );
        check(
            &Report { status: InvokeStatus::Error("Runtime.ExitError".to_owned()), ..warm },
            "REPORT RequestId: 8f507cfc-example\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 15 MB\tStatus: error\tError Type: Runtime.ExitError",
        );
    }
}
