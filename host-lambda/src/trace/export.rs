//! Sends spans to a collector, by OTLP over HTTP in JSON: after answers and at the end, never before an
//! answer. What waits is bounded; what there is no room for is dropped and counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_call::{AwsError, Client, Patience};
use bytes::Bytes;

use super::otlp;
use super::sampler::Sampler;
use super::span::Span;
use crate::config::Otlp;
use crate::pause::Pause;

/// The most spans that wait.
const WAITING: usize = 2048;
/// The most spans of one request.
const AT_ONCE: usize = 512;

/// What sends spans.
pub(crate) struct Exporter {
    settings: Otlp,
    client: Arc<Client>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Span>,
    dropped: usize,
    pause: Pause,
}

impl Exporter {
    pub(crate) fn new(settings: Otlp, client: Arc<Client>) -> Self {
        Self { settings, client, state: Mutex::default() }
    }

    /// Which traces are recorded.
    pub(crate) fn sampler(&self) -> Sampler {
        self.settings.sampler
    }

    /// Lets spans wait for the next time that some are sent.
    pub(crate) fn add(&self, spans: Vec<Span>) {
        let mut state = self.state();
        for span in spans {
            match state.waiting.len() < WAITING {
                true => state.waiting.push_back(span),
                false => state.dropped += 1,
            }
        }
    }

    /// How many were dropped since this was asked last.
    pub(crate) fn take_dropped(&self) -> usize {
        std::mem::take(&mut self.state().dropped)
    }

    /// Sends what waits, unless a collector that failed is left in peace for now, or no time is left.
    ///
    /// # Errors
    /// Why the collector did not take them; they wait on where that may pass.
    pub(crate) async fn send(&self, left: Duration) -> Result<(), AwsError> {
        if self.state().pause.holds() || left.is_zero() {
            return Ok(());
        }
        self.send_last(Patience::lasting(self.settings.timeout.min(left))).await
    }

    /// Sends what waits, whether or not a collector failed before: there may be no other time.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn send_last(&self, patience: Patience) -> Result<(), AwsError> {
        loop {
            let spans: Vec<_> = {
                let mut state = self.state();
                let count = state.waiting.len().min(AT_ONCE);
                state.waiting.drain(..count).collect()
            };
            if spans.is_empty() {
                return Ok(());
            }
            let body = otlp::request(&self.settings.resource, &spans).to_string();
            let Otlp { url, headers, .. } = &self.settings;
            let answer = self.client.post_url(url, headers, Bytes::from(body), patience).await;
            self.done(spans, answer)?;
        }
    }

    fn done(&self, spans: Vec<Span>, answer: Result<Bytes, AwsError>) -> Result<(), AwsError> {
        let mut state = self.state();
        let error = match answer {
            Ok(answer) => {
                state.dropped += otlp::rejected(&answer);
                state.pause.end();
                return Ok(());
            }
            Err(error) => error,
        };
        // A collector that is slow now may not be so later.
        let passes = error.passes() || matches!(error, AwsError::OutOfTime { .. });
        let room = if passes { WAITING - state.waiting.len().min(WAITING) } else { 0 };
        state.dropped += spans.len().saturating_sub(room);
        for span in spans.into_iter().take(room).rev() {
            state.waiting.push_front(span);
        }
        state.pause.begin();
        Err(error)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held left it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
