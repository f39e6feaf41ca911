//! Numbers as text, in the forms that ONNX Runtime writes and reads.

use std::str::FromStr;

use tract_onnx::tract_hir::internal::*;

use crate::error::excerpt;

/// What C's `%.8g` gives: the shorter of plain and scientific notation, without trailing zeros.
pub(crate) fn general(x: f64) -> String {
    const DIGITS: usize = 8;
    if x.is_nan() {
        return "NaN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "INF".into() } else { "-INF".into() };
    }
    let scientific = format!("{x:.*e}", DIGITS - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let precision = i32::try_from(DIGITS).unwrap_or(i32::MAX);
    if (-4..precision).contains(&exponent) {
        let decimals = usize::try_from(precision - 1 - exponent).unwrap_or_default();
        return trim(&format!("{x:.decimals$}")).into();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(mantissa), exponent.unsigned_abs())
}

fn trim(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// Reads a number. Infinity and NaN are words, whatever their case.
pub(crate) fn parse<T: FromStr>(text: &str) -> TractResult<T> {
    // Rust reads the same words as C.
    text.trim().parse().ok().with_context(|| format!("{} is not a number", excerpt(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(x: f32, expected: &str) {
        assert_eq!(general(x.into()), expected);
    }

    #[test]
    fn floats() {
        check(1.0, "1");
        check(-0.5, "-0.5");
        check(0.1, "0.1");
        check(100_000_000.0, "1e+08");
        check(12_345_678.0, "12345678");
        check(1e-4, "9.9999997e-05");
        check(1e-5, "9.9999997e-06");
        check(f32::NAN, "NaN");
        check(f32::NEG_INFINITY, "-INF");
        check(0.0, "0");
    }
}
