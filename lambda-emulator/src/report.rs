//! The lines that Lambda writes about an invoke and about an initialisation, in CloudWatch's format.

use std::time::Duration;

/// How an invoke or an initialisation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Success,
    Timeout,
    /// With the error's type, as in `Runtime.ExitError`.
    Error(String),
}

impl Status {
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
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) request_id: String,
    pub(crate) duration: Duration,
    /// Only where this invoke waited for it.
    pub(crate) init: Option<Duration>,
    pub(crate) memory_mb: u32,
    pub(crate) peak_bytes: u64,
    pub(crate) status: Status,
}

impl Report {
    /// Whole milliseconds, rounded up; initialisation is billed since August 2025.
    pub(crate) fn billed_ms(&self) -> u128 {
        let billed = self.duration + self.init.unwrap_or_default();
        billed.as_micros().div_ceil(1000).max(1)
    }

    pub(crate) fn peak_mb(&self) -> u64 {
        self.peak_bytes.div_ceil(1024 * 1024).min(u64::from(self.memory_mb))
    }

    pub(crate) fn line(&self) -> String {
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
pub(crate) fn init_line(duration: Duration, phase: &str, status: &Status) -> String {
    format!(
        "INIT_REPORT Init Duration: {:.2} ms\tPhase: {phase}\t{}",
        milliseconds(duration),
        status_fields(status)
    )
}

fn status_fields(status: &Status) -> String {
    match status {
        Status::Success => String::new(),
        Status::Timeout => "Status: timeout".to_owned(),
        Status::Error(error_type) => format!("Status: error\tError Type: {error_type}"),
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
            status: Status::Success,
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
            &Report { status: Status::Timeout, peak_bytes: u64::MAX, ..warm.clone() },
            "REPORT RequestId: 8f507cfc-example\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: timeout",
        );
        check(
            &Report { status: Status::Error("Runtime.ExitError".to_owned()), ..warm },
            "REPORT RequestId: 8f507cfc-example\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 15 MB\tStatus: error\tError Type: Runtime.ExitError",
        );
    }
}
