//! The time of day, and what an invoke has left of its own.

use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;
use time::macros::format_description;

/// Now, in UTC: ISO 8601 with milliseconds.
pub(crate) fn now() -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::now_utc().format(&format).unwrap_or_default()
}

/// Now, in milliseconds since 1970.
pub(crate) fn epoch_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// When an invoke must be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    began: Instant,
    whole: Duration,
    reserve: Duration,
}

/// Where the reserve is not set: a tenth of the time, within these bounds.
const SHARE: u32 = 10;
const LEAST: Duration = Duration::from_millis(20);
const MOST: Duration = Duration::from_secs(2);
/// The longest time that a function can have.
const LONGEST: Duration = Duration::from_secs(900);

impl Deadline {
    /// The invoke that began then, a moment ago, and is cut off at `at`, in milliseconds since 1970.
    pub(crate) fn new(began: Instant, at: u64, reserve: Option<Duration>) -> Self {
        let whole = match at.saturating_sub(epoch_milliseconds()) {
            // Lambda gives every invoke some time; some emulators give them a time long gone.
            0 => LONGEST,
            milliseconds => Duration::from_millis(milliseconds) + began.elapsed(),
        };
        let reserve = reserve.unwrap_or_else(|| (whole / SHARE).clamp(LEAST, MOST));
        Self { began, whole, reserve }
    }

    /// When the invoke began.
    #[cfg(feature = "aws")]
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// How long the invoke has taken.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// A call that belongs to the work.
    #[cfg(feature = "aws")]
    pub(crate) fn for_work(&self) -> aws_call::Patience {
        aws_call::Patience::until(self.began + self.whole.saturating_sub(self.reserve))
    }

    /// A call that delivers results: half of the reserve is for that.
    #[cfg(feature = "aws")]
    pub(crate) fn for_answer(&self) -> aws_call::Patience {
        aws_call::Patience::until(self.began + self.whole.saturating_sub(self.reserve / 2))
    }

    /// What is left for work: without the reserve, which is for the answer.
    pub(crate) fn left(&self) -> Duration {
        self.whole.saturating_sub(self.reserve).saturating_sub(self.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_left_for_the_answer() {
        let check = |seconds: u64, reserve: Option<u64>, least: u64, most: u64| {
            let at = epoch_milliseconds() + seconds * 1000;
            let left = Deadline::new(Instant::now(), at, reserve.map(Duration::from_millis)).left();
            let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
            assert!(left >= least && left <= most, "{left:?} of {seconds} s");
        };
        check(10, None, 5_000, 9_000);
        check(900, None, 890_000, 898_000);
        check(10, Some(4_000), 2_000, 6_000);
        // Long gone.
        check(0, None, 890_000, 898_000);
    }
}
