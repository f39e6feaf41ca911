//! Traces: which one an invoke or a record belongs to, and how it is handed on.
//!
//! Two forms are read, W3C's Trace Context (`traceparent`, `tracestate`) and the header of AWS X-Ray
//! (`Root=…;Parent=…;Sampled=…`). Both have the same 128 bits, so what came in one can go on in the
//! other. W3C's goes first: X-Ray's is set by services of AWS that may know nothing of the caller's.

#[cfg(feature = "aws")]
pub(crate) mod export;
#[cfg(feature = "aws")]
mod otlp;
#[cfg(feature = "aws")]
pub(crate) mod sampler;
pub(crate) mod span;

/// The longest `tracestate` that is handed on (W3C Trace Context, 3.3.1.5: at least so long).
const STATE_BYTES: usize = 512;

/// The header and the attribute of messages that have a trace in W3C's form.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// The same for what else systems have to say about it.
pub(crate) const TRACESTATE: &str = "tracestate";

/// A trace, and the span of it that the work here belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    /// The caller's span: 16 hexadecimal digits.
    pub(crate) parent: Option<String>,
    /// Whether the caller said that it is recorded, or that it is not.
    pub(crate) sampled: Option<bool>,
    /// What else systems have to say about it.
    pub(crate) state: Option<String>,
    /// The id in the form that it came in.
    shown: String,
}

impl Trace {
    /// From W3C's headers. One that is none is passed over, as the specification wants it.
    pub(crate) fn w3c(parent: &str, state: Option<&str>) -> Option<Self> {
        let mut parts = parent.trim().split('-');
        let (version, id) = (parts.next()?, parts.next()?);
        let (span, flags) = (parts.next()?, parts.next()?);
        // Later versions may have more behind it.
        let known = version == "00" && parts.next().is_none();
        let later = version != "00" && version != "ff";
        let digits = is_hex(version, 2) && is_hex(id, 32) && is_hex(span, 16) && is_hex(flags, 2);
        if !digits || !(known || later) || is_zero(id) || is_zero(span) {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let state = state.map(str::trim).filter(|state| {
            let visible = state.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            !state.is_empty() && state.len() <= STATE_BYTES && visible
        });
        Some(Self {
            id: id.to_owned(),
            parent: Some(span.to_owned()),
            sampled: Some(flags & 1 == 1),
            state: state.map(str::to_owned),
            shown: id.to_owned(),
        })
    }

    /// From X-Ray's header. That it says `Sampled=0` means no more than that X-Ray is not asked to
    /// record it: Lambda says so of every invoke where tracing is not active.
    pub(crate) fn x_ray(header: &str) -> Option<Self> {
        let part = |name: &str| {
            let mut parts = header.split(';').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let root = part("Root")?;
        let (version, rest) = root.split_once('-')?;
        let (time, random) = rest.split_once('-')?;
        if version != "1" || !is_hex(time, 8) || !is_hex(random, 24) {
            return None;
        }
        let parent = part("Parent").filter(|parent| is_hex(parent, 16) && !is_zero(parent));
        Some(Self {
            id: format!("{time}{random}"),
            parent: parent.map(str::to_owned),
            sampled: (part("Sampled") == Some("1")).then_some(true),
            state: None,
            shown: root.to_owned(),
        })
    }

    /// One that begins here.
    #[cfg(feature = "aws")]
    pub(crate) fn begun() -> Option<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let id = hex(&bytes);
        Some(Self { shown: id.clone(), id, parent: None, sampled: None, state: None })
    }

    /// How logs and audit records name it: X-Ray's root, or W3C's id.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// `traceparent` for what is called from this span, or where it is not recorded, from the caller's.
    pub(crate) fn traceparent(&self, span: &str, recorded: bool) -> String {
        let span = if recorded { span } else { self.parent.as_deref().unwrap_or(span) };
        let flags = u8::from(recorded || self.sampled == Some(true));
        format!("00-{}-{span}-{flags:02x}", self.id)
    }
}

/// What a message takes along of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    /// As in the header `traceparent`.
    pub(crate) parent: String,
    /// As in the header `tracestate`.
    pub(crate) state: Option<String>,
}

impl Carried {
    /// The same in X-Ray's form.
    #[cfg(feature = "aws")]
    pub(crate) fn x_ray(&self) -> Option<String> {
        let mut parts = self.parent.split('-').skip(1);
        let (id, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let (time, random) = id.split_at_checked(8)?;
        let sampled = u8::from(flags == "01");
        Some(format!("Root=1-{time}-{random};Parent={span};Sampled={sampled}"))
    }
}

/// So many hexadecimal digits in lower case.
fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(digits: &str) -> bool {
    digits.bytes().all(|byte| byte == b'0')
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const ID: &str = "5759e988bd862e3fe1be46a994272793";
    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
    const SPAN: &str = "53995c3f42cd8ad8";

    #[test]
    fn w3c_is_read_as_it_is_specified() {
        let check = |parent: &str, expected: Option<bool>| {
            let found = Trace::w3c(parent, None);
            assert_eq!(found.as_ref().and_then(|it| it.sampled), expected, "{parent}");
            if let Some(trace) = found {
                assert_eq!((trace.id.as_str(), trace.shown()), (ID, ID));
                assert_eq!(trace.parent.as_deref(), Some(SPAN));
            }
        };
        check(&format!("00-{ID}-{SPAN}-01"), Some(true));
        check(&format!("00-{ID}-{SPAN}-00"), Some(false));
        check(&format!("00-{ID}-{SPAN}-03"), Some(true));
        // A later version, with more in it than is known.
        check(&format!("01-{ID}-{SPAN}-01-more"), Some(true));
        check(&format!("00-{ID}-{SPAN}-01-more"), None);
        check(&format!("ff-{ID}-{SPAN}-01"), None);
        check(&format!("00-{ID}-{SPAN}"), None);
        check(&format!("00-{}-{SPAN}-01", ID.to_uppercase()), None);
        check(&format!("00-{}-{SPAN}-01", "0".repeat(32)), None);
        check(&format!("00-{ID}-{}-01", "0".repeat(16)), None);
        check("", None);
        check(ROOT, None);
    }

    #[test]
    fn what_else_systems_say_is_kept_if_it_can_be_handed_on() {
        let check = |state: &str, expected: Option<&str>| {
            let trace = Trace::w3c(&format!("00-{ID}-{SPAN}-01"), Some(state)).unwrap();
            assert_eq!(trace.state.as_deref(), expected);
        };
        check("vendor=t61rcWkgMzE, other=1", Some("vendor=t61rcWkgMzE, other=1"));
        check("", None);
        check("a=\u{e9}", None);
        check("a=1\nb=2", None);
        check(&"x".repeat(513), None);
    }

    #[test]
    fn the_root_of_an_x_ray_trace_is_found() {
        let check = |header: &str, expected: Option<(Option<&str>, Option<bool>)>| {
            let found = Trace::x_ray(header);
            let seen = found.as_ref().map(|it| (it.parent.as_deref(), it.sampled));
            assert_eq!(seen, expected, "{header}");
            if let Some(trace) = &found {
                assert_eq!((trace.id.as_str(), trace.shown()), (ID, ROOT));
            }
        };
        check(&format!("Root={ROOT};Parent={SPAN};Sampled=1"), Some((Some(SPAN), Some(true))));
        check(&format!("Sampled=0; Root={ROOT}"), Some((None, None)));
        check(&format!("Root={ROOT};Lineage=1:a87bd80c:0"), Some((None, None)));
        check("Sampled=1", None);
        check("Root=1-5759e988", None);
        check(&format!("Root={ROOT}\"\n{{}}"), None);
    }

    #[test]
    fn what_came_in_one_form_goes_on_in_the_other() {
        let trace = Trace::x_ray(&format!("Root={ROOT};Parent={SPAN};Sampled=1")).unwrap();
        // Recorded here, or passed on as it came.
        let own = "00f067aa0ba902b7";
        assert_eq!(trace.traceparent(own, true), format!("00-{ID}-{own}-01"));
        assert_eq!(trace.traceparent(own, false), format!("00-{ID}-{SPAN}-01"));
        let alone = Trace::x_ray(&format!("Root={ROOT};Sampled=0")).unwrap();
        assert_eq!(alone.traceparent(own, false), format!("00-{ID}-{own}-00"));
    }

    #[cfg(feature = "aws")]
    #[test]
    fn messages_carry_both_forms() {
        let carried = Carried { parent: format!("00-{ID}-{SPAN}-01"), state: None };
        let expected = format!("Root={ROOT};Parent={SPAN};Sampled=1");
        assert_eq!(carried.x_ray(), Some(expected));
        assert_ne!(Trace::begun(), Trace::begun());
    }
}
