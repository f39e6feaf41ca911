//! Points in time as RFC 3339 writes them.
//!
//! Reads `2026-03-14T02:11:09Z`, fractions of a second, offsets (`+01:00`), and a lower-case or
//! blank separator, as section 5.6 of the RFC allows. A leap second is refused: no feature can tell
//! it from the second after.

/// A point in time: whole seconds since 1970-01-01T00:00:00Z and the fraction beyond them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Timestamp {
    seconds: i64,
    /// From 0 to below 1.
    fraction: f64,
}

const DAY: i64 = 86_400;

impl Timestamp {
    /// Parses an RFC 3339 date-time; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.as_bytes();
        let year = digits(&mut rest, 4)?;
        one_of(&mut rest, b"-")?;
        let month = digits(&mut rest, 2)?;
        one_of(&mut rest, b"-")?;
        let day = digits(&mut rest, 2)?;
        one_of(&mut rest, b"Tt ")?;
        let hour = digits(&mut rest, 2)?;
        one_of(&mut rest, b":")?;
        let minute = digits(&mut rest, 2)?;
        one_of(&mut rest, b":")?;
        let second = digits(&mut rest, 2)?;
        let fraction = fraction(&mut rest)?;
        let offset = offset(&mut rest)?;
        let in_range = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60
            && rest.is_empty();
        let local = days_since_epoch(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
        in_range.then_some(Self { seconds: local - offset, fraction })
    }

    /// Hour of the day in UTC: hour + minute / 60 + second / 3600.
    pub(crate) fn hour(self) -> f64 {
        let of_day = self.seconds.rem_euclid(DAY);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        hour as f64 + minute as f64 / 60.0 + (second as f64 + self.fraction) / 3600.0
    }

    /// Day of the week in UTC: Monday is 0, Sunday 6. 1970-01-01 was a Thursday.
    pub(crate) fn weekday(self) -> i64 {
        (self.seconds.div_euclid(DAY) + 3).rem_euclid(7)
    }
}

fn one_of(rest: &mut &[u8], accepted: &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    accepted.contains(first).then_some(*first)
}

fn digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    let (number, tail) = rest.split_at_checked(count)?;
    *rest = tail;
    number.iter().try_fold(0, |value, digit| {
        digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
    })
}

/// An optional `.` with 1 to 9 digits.
fn fraction(rest: &mut &[u8]) -> Option<f64> {
    if rest.first() != Some(&b'.') {
        return Some(0.0);
    }
    one_of(rest, b".")?;
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let scale = 10_i64.pow(u32::try_from(count).ok()?);
    Some(digits(rest, count)? as f64 / scale as f64)
}

/// `Z` or `±hh:mm`, in seconds east of UTC.
fn offset(rest: &mut &[u8]) -> Option<i64> {
    let sign = match one_of(rest, b"Zz+-")? {
        b'+' => 1,
        b'-' => -1,
        _ => return Some(0),
    };
    let hours = digits(rest, 2)?;
    one_of(rest, b":")?;
    let minutes = digits(rest, 2)?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(is_leap(year)),
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar. Years begin in March here, so that the
/// leap day comes last and months have a regular pattern of 153 days in five.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    const FROM_MARCH_0000_TO_EPOCH: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - FROM_MARCH_0000_TO_EPOCH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, seconds: i64, weekday: i64, hour: f64) {
        let time = Timestamp::parse(text);
        assert_eq!(time.map(|t| t.seconds), Some(seconds), "{text}");
        assert_eq!(time.map(Timestamp::weekday), Some(weekday), "{text}");
        assert_eq!(time.map(Timestamp::hour), Some(hour), "{text}");
    }

    #[test]
    fn known_points_in_time() {
        check("1970-01-01T00:00:00Z", 0, 3, 0.0);
        check("2026-03-14T02:30:00Z", 1_773_455_400, 5, 2.5);
        check("2000-02-29t12:00:00z", 951_825_600, 1, 12.0);
        check(
            "1969-12-31 23:59:60.5Z".replace("60.5", "59").as_str(),
            -1,
            2,
            23.0 + 59.0 / 60.0 + 59.0 / 3600.0,
        );
        check("0000-01-01T00:00:00Z", -62_167_219_200, 5, 0.0);
        check("9999-12-31T00:00:00Z", 253_402_214_400, 4, 0.0);
    }

    #[test]
    fn offsets_move_to_utc() {
        check("2026-03-14T00:30:00+01:00", 1_773_444_600, 4, 23.5);
        check("2026-03-13T20:00:00-03:30", 1_773_444_600, 4, 23.5);
        check("2026-03-13T23:30:00.25+00:00", 1_773_444_600, 4, 23.5 + 0.25 / 3600.0);
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        for text in [
            "",
            "now",
            "2026-03-14",
            "2026-03-14T02:11:09",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+0100",
            "2026-01-01T00:00:00Z ",
            "+026-01-01T00:00:00Z",
            "２026-01-01T00:00:00Z",
            "2026-1-1T0:0:0Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    /// Counts through the calendar without any of the arithmetic above.
    #[test]
    fn every_day_of_ten_thousand_years() {
        // 0000-01-01 was a Saturday.
        let (mut seconds, mut weekday) = (-62_167_219_200, 5);
        for year in 0..10_000 {
            let leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
            let february = if leap { 29 } else { 28 };
            let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, days) in (1..).zip(months) {
                for day in 1..=days {
                    let text = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
                    let time = Timestamp::parse(&text);
                    assert_eq!(time, Some(Timestamp { seconds, fraction: 0.0 }), "{text}");
                    assert_eq!(time.map(Timestamp::weekday), Some(weekday), "{text}");
                    (seconds, weekday) = (seconds + DAY, (weekday + 1) % 7);
                }
                let after = format!("{year:04}-{month:02}-{:02}T00:00:00Z", days + 1);
                assert_eq!(Timestamp::parse(&after), None, "{after}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_time_of_a_day_in_every_offset(
            second in 0..DAY,
            offset in -1439_i64..=1439,
            nanoseconds in 0_u32..1_000_000_000,
        ) {
            let (hour, minute) = (second / 3600, second / 60 % 60);
            let sign = if offset < 0 { '-' } else { '+' };
            let (east, minutes) = (offset.abs() / 60, offset.abs() % 60);
            let text = format!(
                "2026-03-14T{hour:02}:{minute:02}:{:02}.{nanoseconds:09}{sign}{east:02}:{minutes:02}",
                second % 60
            );
            let seconds = 1_773_446_400 + second - offset * 60;
            let fraction = f64::from(nanoseconds) / 1e9;
            prop_assert_eq!(Timestamp::parse(&text), Some(Timestamp { seconds, fraction }));
            let time = Timestamp { seconds, fraction };
            prop_assert!((0.0..=24.0).contains(&time.hour()) && (0..7).contains(&time.weekday()));
        }

        #[test]
        fn any_text(text: String) {
            Timestamp::parse(&text);
        }

        #[test]
        fn texts_that_look_like_a_time(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,11})?([Zz]|[+-][0-9]{2}:[0-9]{2})?") {
            if let Some(time) = Timestamp::parse(&text) {
                prop_assert!((0.0..1.0).contains(&time.fraction));
                prop_assert!((0.0..=24.0).contains(&time.hour()));
            }
        }
    }
}
