//! One invoke: who asks, since when, until when.

use lambda_runtime::Context;

use crate::clock::Deadline;
use crate::config::Config;
use crate::log::About;

/// What Lambda says of an invoke besides its event.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// The request's id.
    pub(crate) request: String,
    /// The trace that it belongs to: the root of the X-Ray header.
    pub(crate) trace: Option<String>,
    /// Who asked: an identity of Amazon Cognito, where there is one.
    pub(crate) principal: Option<String>,
    /// When it must be done.
    pub(crate) deadline: Deadline,
}

impl Invocation {
    pub(crate) fn new(context: &Context, config: &Config) -> Self {
        Self {
            request: context.request_id.clone(),
            trace: context.xray_trace_id.as_deref().and_then(root),
            principal: context.identity.as_ref().map(|who| who.identity_id.clone()),
            deadline: Deadline::beginning_now(context.deadline, config.reserve),
        }
    }

    /// Whom log entries are about.
    pub(crate) fn about(&self) -> About<'_> {
        About { request: &self.request, trace: self.trace.as_deref() }
    }
}

/// The trace's id in a header of X-Ray, `Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1`.
pub(crate) fn root(header: &str) -> Option<String> {
    let root = header.split(';').find_map(|part| part.trim().strip_prefix("Root="))?;
    let good = root.len() == 35 && root.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    good.then(|| root.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_a_trace_is_found() {
        let check = |header: &str, expected: Option<&str>| {
            assert_eq!(root(header).as_deref(), expected, "{header}");
        };
        let id = "1-5759e988-bd862e3fe1be46a994272793";
        check(&format!("Root={id};Parent=53995c3f42cd8ad8;Sampled=1"), Some(id));
        check(&format!("Sampled=1; Root={id}"), Some(id));
        check("Sampled=1", None);
        check("Root=1-5759e988", None);
        check("Root=1-5759e988-bd862e3fe1be46a99427\"\n{}", None);
    }
}
