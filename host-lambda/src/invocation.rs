//! One invoke: who asks, since when, until when.

use std::time::{Instant, SystemTime};

use lambda_runtime::Context;
use model_package::Digest;

use crate::clock::Deadline;
use crate::config::Config;
use crate::event::Record;
use crate::log::About;
#[cfg(feature = "aws")]
use crate::trace::sampler::Sampler;
use crate::trace::{Carried, Trace, hex};

/// What Lambda says of an invoke besides its event.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// The request's id.
    pub(crate) request: String,
    /// The trace that it belongs to: the caller's, or Lambda's own.
    pub(crate) trace: Option<Trace>,
    /// The span of the invoke: 16 hexadecimal digits.
    pub(crate) span: String,
    /// Which traces are recorded, where spans are sent anywhere.
    #[cfg(feature = "aws")]
    pub(crate) sampler: Option<Sampler>,
    /// The time of day at which it began.
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "no spans are exported"))]
    pub(crate) began: SystemTime,
    /// Who asked: an identity of Amazon Cognito, where there is one.
    pub(crate) principal: Option<String>,
    /// When it must be done.
    pub(crate) deadline: Deadline,
}

impl Invocation {
    /// `began` is when its event was begun to be read.
    pub(crate) fn new(context: &Context, config: &Config, began: Instant) -> Self {
        Self {
            request: context.request_id.clone(),
            trace: context.xray_trace_id.as_deref().and_then(Trace::x_ray),
            span: new_span(),
            #[cfg(feature = "aws")]
            sampler: None,
            began: SystemTime::now() - began.elapsed(),
            principal: context.identity.as_ref().map(|who| who.identity_id.clone()),
            deadline: Deadline::new(began, context.deadline, config.reserve),
        }
    }

    /// Whom log entries are about.
    pub(crate) fn about(&self) -> About<'_> {
        About { request: &self.request, trace: self.trace.as_ref().map(Trace::shown) }
    }

    /// Whether spans of this trace are sent.
    #[cfg(feature = "aws")]
    pub(crate) fn records(&self, trace: &Trace) -> bool {
        self.sampler.is_some_and(|sampler| sampler.takes(trace))
    }

    #[cfg(not(feature = "aws"))]
    pub(crate) fn records(&self, _: &Trace) -> bool {
        false
    }

    /// The span of a record with a trace of its own, the same whenever it is asked for.
    pub(crate) fn span_of(&self, record: &Record) -> String {
        let digest = Digest::of(format!("{}:{}", self.span, record.id).as_bytes()).hex();
        digest.get(..16).unwrap_or_default().to_owned()
    }

    /// What a message takes along that this invoke sends about a record, or about itself.
    pub(crate) fn carried(&self, record: Option<&Record>) -> Option<Carried> {
        let own = record.and_then(|record| Some((record.trace.as_deref()?, self.span_of(record))));
        let (trace, span) = match own {
            Some(own) => own,
            None => (self.trace.as_ref()?, self.span.clone()),
        };
        let recorded = self.records(trace);
        Some(Carried { parent: trace.traceparent(&span, recorded), state: trace.state.clone() })
    }
}

/// The id of a new span. Where the system has no random numbers, it is one that collectors refuse.
pub(crate) fn new_span() -> String {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => hex(&bytes),
        Err(_) => hex(&[0; 8]),
    }
}

#[cfg(test)]
#[cfg_attr(feature = "aws", expect(clippy::unwrap_used, reason = "tests"))]
mod tests {
    use super::*;
    use crate::clock::epoch_milliseconds;
    #[cfg(feature = "aws")]
    use crate::event::Body;

    impl Invocation {
        /// One without a trace.
        pub(crate) fn example(request: &str) -> Self {
            Self {
                request: request.into(),
                trace: None,
                span: new_span(),
                #[cfg(feature = "aws")]
                sampler: None,
                began: SystemTime::now(),
                principal: None,
                deadline: Deadline::new(Instant::now(), epoch_milliseconds(), None),
            }
        }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn messages_go_on_in_the_trace_that_they_belong_to() {
        let id = "5759e988bd862e3fe1be46a994272793";
        let of =
            |flags: &str| Trace::w3c(&format!("00-{id}-53995c3f42cd8ad8-{flags}"), Some("a=1"));
        let mut invocation = Invocation::example("r-1");
        invocation.trace = Trace::x_ray("Root=1-67891233-abcdef012345678912345678;Sampled=1");
        let record = |trace: Option<Trace>| Record {
            trace: trace.map(Box::new),
            ..Record::new("m-1".into(), Body::Nothing)
        };
        let parent = |invocation: &Invocation, trace: Option<Trace>| {
            invocation.carried(Some(&record(trace))).unwrap().parent
        };
        // Its own trace goes before the invoke's, as it came where nothing is recorded.
        assert_eq!(parent(&invocation, of("01")), format!("00-{id}-53995c3f42cd8ad8-01"));
        let carried = invocation.carried(Some(&record(None))).unwrap();
        let expected = format!("00-67891233abcdef012345678912345678-{}-01", invocation.span);
        assert_eq!((carried.parent, carried.state), (expected, None));
        invocation.sampler = Some(Sampler::default());
        let span = invocation.span_of(&record(None));
        assert_eq!(parent(&invocation, of("01")), format!("00-{id}-{span}-01"));
        // Who does not want it recorded is obeyed.
        assert_eq!(parent(&invocation, of("00")), format!("00-{id}-53995c3f42cd8ad8-00"));
        assert_eq!(
            invocation.carried(Some(&record(of("01")))).unwrap().state.as_deref(),
            Some("a=1")
        );
    }
}
