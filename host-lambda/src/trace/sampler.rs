//! Which traces are recorded (`OTEL_TRACES_SAMPLER`): as the caller says, and of those that nobody has
//! decided about, all, none or a share.

use super::Trace;

/// How many bits of a trace's id are random in both forms (W3C Trace Context, level 2).
const RANDOM_BITS: u32 = 56;

/// Which traces are recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampler {
    /// Whether what the caller says goes first.
    follows_caller: bool,
    /// The share of the others, from 0 to 1.
    share: f64,
}

impl Default for Sampler {
    fn default() -> Self {
        Self { follows_caller: true, share: 1.0 }
    }
}

impl Sampler {
    /// By the names that OpenTelemetry's specification has; `share` is of those that want one.
    pub(crate) fn named(name: &str, share: f64) -> Result<Self, String> {
        let (follows_caller, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let share = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => share,
            _ => {
                return Err(format!(
                    "expected always_on, always_off or traceidratio, with or without parentbased_ \
                     before it, found {name:?}"
                ));
            }
        };
        Ok(Self { follows_caller, share })
    }

    /// A share as `OTEL_TRACES_SAMPLER_ARG` has it.
    pub(crate) fn share(text: &str) -> Result<f64, String> {
        match text.parse() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
            _ => Err(format!("expected a number from 0 to 1 such as 0.05, found {text:?}")),
        }
    }

    /// Whether a trace is recorded. Every service that takes this share decides alike of a trace.
    pub(crate) fn takes(&self, trace: &Trace) -> bool {
        if let (true, Some(sampled)) = (self.follows_caller, trace.sampled) {
            return sampled;
        }
        let digits = RANDOM_BITS as usize / 4;
        let place = trace.id.len().checked_sub(digits).and_then(|from| trace.id.get(from..));
        let random = place.and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0);
        // In whole numbers, so that a share of 1 takes the largest, too.
        random < (self.share * 2_f64.powi(RANDOM_BITS.cast_signed())) as u64
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn trace(random: &str, flags: &str) -> Trace {
        let id = format!("5759e988bd862e3fe1{random}");
        Trace::w3c(&format!("00-{id}-53995c3f42cd8ad8-{flags}"), None).unwrap()
    }

    #[test]
    fn the_caller_goes_first_where_it_is_asked() {
        let check = |name: &str, flags: &str, expected: bool| {
            let sampler = Sampler::named(name, 0.5).unwrap();
            assert_eq!(sampler.takes(&trace("be46a994272793", flags)), expected, "{name} {flags}");
        };
        check("parentbased_always_on", "00", false);
        check("parentbased_always_off", "01", true);
        check("parentbased_traceidratio", "01", true);
        check("always_on", "00", true);
        check("always_off", "01", false);
        check("traceidratio", "01", false);
    }

    #[test]
    fn of_the_others_a_share_is_taken() {
        let x_ray = |digit: char| {
            let random: String = std::iter::repeat_n(digit, 14).collect();
            Trace::x_ray(&format!("Root=1-5759e988-bd862e3fe1{random};Sampled=0")).unwrap()
        };
        let check = |share: f64, digit: char, expected: bool| {
            let sampler = Sampler::named("parentbased_traceidratio", share).unwrap();
            assert_eq!(sampler.takes(&x_ray(digit)), expected, "{share} {digit}");
        };
        check(0.5, '7', true);
        check(0.5, '8', false);
        check(0.0, '0', false);
        check(1.0, 'f', true);
        // Nobody has decided, since Lambda says so of every invoke where X-Ray is not active.
        assert!(Sampler::default().takes(&x_ray('f')));
        assert!(!Sampler::named("parentbased_always_off", 1.0).unwrap().takes(&x_ray('0')));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(Sampler::named("xray", 1.0).unwrap_err().contains("found \"xray\""));
        for text in ["", "2", "-0.1", "NaN", "half"] {
            assert!(Sampler::share(text).unwrap_err().contains("from 0 to 1"), "{text}");
        }
    }
}
