//! What Lambda charges for an invoke. An estimate: the bill knows of tiers, savings plans and taxes.

use std::str::FromStr;
use std::time::Duration;

/// US dollars for a GB-second, us-east-1, first tier (<https://aws.amazon.com/lambda/pricing/>).
const X86_64_GB_SECOND: f64 = 0.000_016_666_7;
/// The same on arm64.
const ARM64_GB_SECOND: f64 = 0.000_013_333_4;
/// US dollars for a million requests.
const MILLION_REQUESTS: f64 = 0.20;

/// What is charged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prices {
    gb_second: f64,
    request: f64,
}

/// A price as it is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dollars(f64);

impl FromStr for Dollars {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(price) if (0.0..=1e6).contains(&price) => Ok(Self(price)),
            _ => {
                Err(format!("expected a number of US dollars such as 0.0000166667, found {text:?}"))
            }
        }
    }
}

impl Prices {
    /// Those of this processor's architecture, where nothing else was set.
    pub(crate) fn of_this_architecture(
        gb_second: Option<Dollars>,
        million_requests: Option<Dollars>,
    ) -> Self {
        let listed = if cfg!(target_arch = "aarch64") { ARM64_GB_SECOND } else { X86_64_GB_SECOND };
        Self {
            gb_second: gb_second.map_or(listed, |price| price.0),
            request: million_requests.map_or(MILLION_REQUESTS, |price| price.0) / 1e6,
        }
    }

    /// US dollars for one invoke. Lambda bills whole milliseconds.
    pub(crate) fn of_invoke(&self, duration: Duration, memory_mb: u32) -> f64 {
        let milliseconds = (duration.as_secs_f64() * 1000.0).ceil();
        self.request + milliseconds / 1000.0 * f64::from(memory_mb) / 1024.0 * self.gb_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoke_costs_its_request_and_its_started_milliseconds() {
        let prices = Prices::of_this_architecture(Some(Dollars(0.00002)), Some(Dollars(0.2)));
        let check = |microseconds: u64, memory_mb: u32, expected: f64| {
            let found = prices.of_invoke(Duration::from_micros(microseconds), memory_mb);
            assert!((found - expected).abs() < 1e-15, "{found} for {microseconds} µs");
        };
        check(0, 1024, 2e-7);
        check(1, 1024, 2e-7 + 2e-8);
        check(1_000, 1024, 2e-7 + 2e-8);
        check(1_001, 2048, 2e-7 + 8e-8);
    }
}
