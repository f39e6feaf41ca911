//! Whether a model sees other inputs, or gives other scores, than it should: its decisions are counted in
//! windows, and each window is compared with what is expected.
//!
//! Scores: the manifest may say how they lie on data that the model never saw; where it does not, the
//! first window of this process is what the others are compared with, by the population stability
//! index. Inputs: the manifest's training ranges say what is expected, so each window counts.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Decisions of a window, where nothing else is set.
const WINDOW: usize = 1000;
/// Fewer say too little: the index of two samples alike would be near its threshold by chance.
const LEAST: usize = 200;
/// What an index above is called a major shift, by a rule of thumb of credit scoring.
const INDEX: f64 = 0.25;
/// The share of inputs outside the training ranges.
const OUTSIDE: f64 = 0.1;
/// Into how many bins the expected scores are cut, with as many in each.
const BINS: usize = 10;
/// How far two events about one version are apart.
const APART: Duration = Duration::from_secs(3600);

/// When a window is a drift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Thresholds {
    /// Decisions of a window; at least so many.
    pub(crate) window: usize,
    /// A larger index of the scores is a drift.
    pub(crate) index: f64,
    /// So is a larger share of inputs outside the training ranges.
    pub(crate) outside: f64,
}

/// Decisions of a window, or none at all (`SAMEBITS_DRIFT_WINDOW`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window(Option<usize>);

/// A number that a window is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Threshold(f64);

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "off" => Ok(Self(None)),
            Ok(count) if (LEAST..=1_000_000).contains(&count) => Ok(Self(Some(count))),
            _ => Err(format!("expected {LEAST} to 1000000 decisions, or off, found {text:?}")),
        }
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(number) if (0.0..=100.0).contains(&number) => Ok(Self(number)),
            _ => Err(format!("expected a number from 0 to 100 such as 0.25, found {text:?}")),
        }
    }
}

impl Thresholds {
    /// Those that are set; nothing, if drift is not looked for.
    pub(crate) fn set(
        window: Option<Window>,
        index: Option<Threshold>,
        outside: Option<Threshold>,
    ) -> Option<Self> {
        Some(Self {
            window: window.map_or(Some(WINDOW), |Window(count)| count)?,
            index: index.map_or(INDEX, |Threshold(number)| number),
            outside: outside.map_or(OUTSIDE, |Threshold(number)| number),
        })
    }
}

/// What is known of a version's decisions.
#[derive(Debug)]
pub(crate) struct Drift {
    thresholds: Thresholds,
    /// Whether the manifest says how scores lie.
    is_told: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    expected: Option<Expected>,
    /// The scores of the first window; later ones only count.
    first: Vec<f32>,
    counts: Vec<usize>,
    decisions: usize,
    outside: usize,
    raised: Option<Instant>,
}

/// How scores lie.
#[derive(Debug)]
struct Expected {
    /// The largest score of each bin but the last.
    edges: Vec<f32>,
    counts: Vec<usize>,
}

/// How many scores a tenth of the manifest's counts for: so many that half a score more is nothing.
const TENTH: usize = 100_000;

/// A window that is full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Compared {
    pub(crate) decisions: usize,
    /// The population stability index; none without scores, or of what the others are compared with.
    pub(crate) index: Option<f64>,
    /// The share of inputs outside the training ranges.
    pub(crate) outside: f64,
    /// Whether this is a drift.
    pub(crate) is_drift: bool,
    /// Whether it is time to say so.
    pub(crate) is_news: bool,
}

impl Drift {
    /// `deciles` are the scores that the manifest expects, if it does.
    pub(crate) fn new(thresholds: Thresholds, deciles: Option<[f64; BINS - 1]>) -> Self {
        let expected = deciles.as_ref().map(Expected::of_deciles);
        let counts = expected.as_ref().map(|it| vec![0; it.counts.len()]).unwrap_or_default();
        let (is_told, state) = (expected.is_some(), State { expected, counts, ..State::default() });
        Self { thresholds, is_told, state: Mutex::new(state) }
    }

    /// What the scores of a window are compared with, in words.
    pub(crate) fn compared_with(&self) -> &'static str {
        match self.is_told {
            true => "the deciles of the manifest",
            false => "the first window of this execution environment",
        }
    }

    pub(crate) fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// Adds what an invoke decided: the scores, and how many inputs there were outside the training
    /// ranges. Says how the window compares that this fills.
    pub(crate) fn add(
        &self,
        scores: &[f32],
        decisions: usize,
        outside: usize,
        now: Instant,
    ) -> Option<Compared> {
        // A panic while it was held left it whole.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        match &state.expected {
            None => state.first.extend_from_slice(scores),
            Some(expected) => scores.iter().for_each(|score| {
                if let Some(count) = state.counts.get_mut(expected.bin(*score)) {
                    *count += 1;
                }
            }),
        }
        state.decisions += decisions;
        state.outside += outside;
        if state.decisions < self.thresholds.window {
            return None;
        }
        let index = match &state.expected {
            Some(expected) => expected.index(&state.counts),
            None => {
                let expected = Expected::of(std::mem::take(&mut state.first));
                state.counts = vec![0; expected.counts.len()];
                state.expected = Some(expected);
                None
            }
        };
        let (decisions, outside) = (state.decisions, state.outside as f64 / state.decisions as f64);
        (state.decisions, state.outside) = (0, 0);
        state.counts.fill(0);
        let Thresholds { index: most, outside: most_outside, .. } = self.thresholds;
        let is_drift = index.is_some_and(|index| index > most) || outside > most_outside;
        let waited = state.raised.is_none_or(|last| now.saturating_duration_since(last) >= APART);
        let is_news = is_drift && waited;
        if is_news {
            state.raised = Some(now);
        }
        Some(Compared { decisions, index, outside, is_drift, is_news })
    }
}

impl Expected {
    fn of(mut scores: Vec<f32>) -> Self {
        scores.sort_unstable_by(f32::total_cmp);
        let places = (1..BINS).map(|bin| (bin * scores.len()).div_ceil(BINS).saturating_sub(1));
        let mut edges: Vec<f32> = places.filter_map(|place| scores.get(place).copied()).collect();
        // Where many scores are alike, several bins are one.
        edges.dedup();
        let mut expected = Self { counts: vec![0; edges.len() + 1], edges };
        for score in scores {
            let bin = expected.bin(score);
            if let Some(count) = expected.counts.get_mut(bin) {
                *count += 1;
            }
        }
        expected
    }

    /// Of equal deciles, their tenths are one bin.
    fn of_deciles(deciles: &[f64; BINS - 1]) -> Self {
        let scores = deciles.map(|decile| decile as f32);
        let mut edges = scores.to_vec();
        edges.dedup();
        let mut expected = Self { counts: vec![0; edges.len() + 1], edges };
        let bins = scores.map(|score| expected.bin(score)).into_iter();
        let last = expected.edges.len();
        for bin in bins.chain([last]) {
            if let Some(count) = expected.counts.get_mut(bin) {
                *count += TENTH;
            }
        }
        expected
    }

    fn bin(&self, score: f32) -> usize {
        self.edges.partition_point(|edge| *edge < score)
    }

    /// The sum over bins of (found - expected) ln(found / expected), in shares. Half a score more in
    /// each keeps an empty bin from being infinitely far away.
    fn index(&self, found: &[usize]) -> Option<f64> {
        let bins = self.counts.len() as f64;
        let share = |count: usize, all: usize| (count as f64 + 0.5) / (all as f64 + 0.5 * bins);
        let (all, all_found) = (self.counts.iter().sum::<usize>(), found.iter().sum::<usize>());
        if all == 0 || all_found == 0 {
            return None;
        }
        let pairs = self.counts.iter().zip(found);
        let terms = pairs.map(|(expected, found)| {
            let (expected, found) = (share(*expected, all), share(*found, all_found));
            (found - expected) * (found / expected).ln()
        });
        Some(terms.sum())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn drift() -> Drift {
        told(None)
    }

    fn told(deciles: Option<[f64; 9]>) -> Drift {
        Drift::new(Thresholds { window: 200, index: INDEX, outside: OUTSIDE }, deciles)
    }

    /// Scores that are spread evenly between two.
    fn even(from: f32, to: f32, count: usize) -> Vec<f32> {
        (0..count).map(|i| from + (to - from) * i as f32 / count as f32).collect()
    }

    #[test]
    fn scores_like_the_first_ones_are_no_drift_and_others_are() {
        let drift = drift();
        let now = Instant::now();
        let add = |scores: &[f32]| drift.add(scores, scores.len(), 0, now);
        assert_eq!(add(&even(0.0, 1.0, 150)), None);
        // The first window has nothing to be compared with.
        let first = add(&even(0.0, 1.0, 60)).unwrap();
        assert_eq!((first.decisions, first.index, first.is_drift), (210, None, false));
        let same = add(&even(0.0, 1.0, 333)).unwrap();
        assert!(same.index.unwrap() < 0.02 && !same.is_drift, "{same:?}");
        let half = add(&even(0.0, 0.5, 333)).unwrap();
        assert!(half.index.unwrap() > 1.0 && half.is_drift && half.is_news, "{half:?}");
        // As it was at first.
        assert!(!add(&even(0.0, 1.0, 200)).unwrap().is_drift);
    }

    #[test]
    fn where_the_manifest_says_how_scores_lie_the_first_window_counts() {
        let deciles = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
        let now = Instant::now();
        let drift = told(Some(deciles));
        let same = drift.add(&even(0.0, 1.0, 333), 333, 0, now).unwrap();
        assert!(same.index.unwrap() < 0.02 && !same.is_drift, "{same:?}");
        let half = drift.add(&even(0.0, 0.5, 333), 333, 0, now).unwrap();
        assert!(half.index.unwrap() > 1.0 && half.is_drift && half.is_news, "{half:?}");
        assert_eq!(drift.compared_with(), "the deciles of the manifest");

        // Three tenths at most 0.25, five between, two above 0.75.
        let drift = told(Some([0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75, 0.75, 0.8]));
        let scores = [vec![0.2; 60], vec![0.5; 100], vec![0.78; 20], vec![0.9; 20]].concat();
        assert!(drift.add(&scores, 200, 0, now).unwrap().index.unwrap() < 0.001);
    }

    #[test]
    fn the_index_is_what_others_compute() {
        // Shares of 0.1 each against 0.2 and 0.0889 nine times, without the half scores.
        let expected = Expected::of(even(0.0, 1.0, 1_000_000));
        assert_eq!(expected.counts, [100_000; 10]);
        let mut found = vec![88_889; 10];
        *found.last_mut().unwrap() = 200_000;
        let index = expected.index(&found).unwrap();
        assert!((index - 0.081_09).abs() < 1e-4, "{index}");
    }

    #[test]
    fn inputs_outside_their_ranges_are_a_drift_from_the_first_window_on() {
        let drift = drift();
        let found = drift.add(&[], 200, 30, Instant::now()).unwrap();
        assert_eq!((found.index, found.outside, found.is_drift), (None, 0.15, true));
    }

    #[test]
    fn a_drift_that_stays_is_no_news_for_an_hour() {
        let drift = drift();
        let began = Instant::now();
        let news = |minutes: u64| {
            let found = drift.add(&[], 200, 200, began + Duration::from_secs(60 * minutes));
            let found = found.unwrap();
            assert!(found.is_drift);
            found.is_news
        };
        assert_eq!(
            [news(0), news(1), news(59), news(60), news(61)],
            [true, false, false, true, false]
        );
    }

    #[test]
    fn scores_that_are_all_alike_have_two_bins() {
        let drift = drift();
        let now = Instant::now();
        drift.add(&[0.5; 200], 200, 0, now).unwrap();
        assert!(!drift.add(&[0.5; 200], 200, 0, now).unwrap().is_drift);
        assert!(drift.add(&[0.75; 200], 200, 0, now).unwrap().is_drift);
    }

    #[test]
    fn settings_are_read() {
        let set = |window: Option<&str>| {
            Thresholds::set(
                window.map(|it| it.parse().unwrap()),
                Some("0.2".parse().unwrap()),
                None,
            )
        };
        let thresholds = |window| Some(Thresholds { window, index: 0.2, outside: OUTSIDE });
        assert_eq!(set(None), thresholds(WINDOW));
        assert_eq!(set(Some("500")), thresholds(500));
        assert_eq!(set(Some("off")), None);
        let error = "10".parse::<Window>().unwrap_err();
        assert!(error.starts_with("expected 200 to 1000000 decisions, or off"), "{error}");
        assert!("NaN".parse::<Threshold>().is_err());
    }
}
