//! The discrete Fourier transform in `n log n` steps, of any number of points.
//!
//! Powers of two are halved again and again (Cooley and Tukey, 1965). Other lengths become a
//! convolution of a power of two (Bluestein, 1970).

use std::f64::consts::PI;

/// The points that one transform may have.
pub(super) const MAX_POINTS: usize = 1 << 20;

/// A complex number: its real and its imaginary part.
type Complex = (f64, f64);

fn product(a: Complex, b: Complex) -> Complex {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// `e^(iφ)`
fn turned(angle: f64) -> Complex {
    let (sine, cosine) = libm::sincos(angle);
    (cosine, sine)
}

/// Replaces a signal by its spectrum, or, `inverse`, a spectrum by its signal times the number of
/// points.
pub(super) fn transform(points: &mut [Complex], inverse: bool) {
    let sign = if inverse { 1.0 } else { -1.0 };
    if points.len().is_power_of_two() {
        halve(points, sign);
    } else if points.len() > 1 {
        convolve(points, sign);
    }
}

/// Of a power of two: the even points and the odd points on their own, then both together.
fn halve(points: &mut [Complex], sign: f64) {
    let length = points.len();
    if length < 2 {
        return;
    }
    let half = length / 2;
    let mut even: Vec<_> = points.iter().step_by(2).copied().collect();
    let mut odd: Vec<_> = points.iter().skip(1).step_by(2).copied().collect();
    halve(&mut even, sign);
    halve(&mut odd, sign);
    let (first, second) = points.split_at_mut(half);
    let pairs = first.iter_mut().zip(second).zip(even.iter().zip(&odd)).enumerate();
    for (place, ((first, second), (even, odd))) in pairs {
        let odd = product(*odd, turned(sign * 2.0 * PI * place as f64 / length as f64));
        *first = (even.0 + odd.0, even.1 + odd.1);
        *second = (even.0 - odd.0, even.1 - odd.1);
    }
}

/// Of any length: `jk = (j² + k² − (k − j)²) / 2` makes a convolution of the sum.
fn convolve(points: &mut [Complex], sign: f64) {
    let length = points.len();
    let size = (2 * length - 1).next_power_of_two();
    // The square is taken within one turn of the circle, so that the angle keeps its digits.
    let chirp: Vec<_> = (0..length as u64)
        .map(|place| {
            let square = place * place % (2 * length as u64);
            turned(sign * PI * square as f64 / length as f64)
        })
        .collect();
    let mut signal = vec![(0.0, 0.0); size];
    for (target, (point, chirp)) in signal.iter_mut().zip(points.iter().zip(&chirp)) {
        *target = product(*point, *chirp);
    }
    let mut filter = vec![(0.0, 0.0); size];
    let conjugate = |chirp: &Complex| (chirp.0, -chirp.1);
    for (target, chirp) in filter.iter_mut().zip(&chirp) {
        *target = conjugate(chirp);
    }
    for (target, chirp) in filter.iter_mut().rev().zip(chirp.iter().skip(1)) {
        *target = conjugate(chirp);
    }
    halve(&mut signal, -1.0);
    halve(&mut filter, -1.0);
    signal.iter_mut().zip(&filter).for_each(|(a, b)| *a = product(*a, *b));
    halve(&mut signal, 1.0);
    for (point, (sum, chirp)) in points.iter_mut().zip(signal.iter().zip(&chirp)) {
        let (real, imaginary) = product(*sum, *chirp);
        *point = (real / size as f64, imaginary / size as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_gives_the_sums_of_the_definition() {
        for length in (0..40).chain([100, 127, 128, 255, 480, 1000]) {
            let signal: Vec<_> = (0..length)
                .map(|place| (libm::sin(place as f64 * 1.3), libm::cos(place as f64 * 0.7)))
                .collect();
            for inverse in [false, true] {
                let mut found = signal.clone();
                transform(&mut found, inverse);
                let sign = if inverse { 1.0 } else { -1.0 };
                for (frequency, found) in found.iter().enumerate() {
                    let mut sum = (0.0, 0.0);
                    for (time, point) in signal.iter().enumerate() {
                        let turn = (frequency * time % length) as f64 / length as f64;
                        let term = product(*point, turned(sign * 2.0 * PI * turn));
                        sum = (sum.0 + term.0, sum.1 + term.1);
                    }
                    let off = (sum.0 - found.0).abs().max((sum.1 - found.1).abs());
                    assert!(off < 1e-10, "{length} points, {frequency}: off by {off}");
                }
            }
        }
    }
}
