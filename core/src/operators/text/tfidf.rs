//! `TfIdfVectorizer`: counts known n-grams.
//!
//! [`TfIdfVectorizer`](https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html) takes strings,
//! int64 or int32, `[C]` or `[B, C]`, and gives float32 `[columns]` or `[B, columns]`: for each
//! n-gram of the pool how often it occurs in the row, whether it does, or either times a weight. The
//! words of an n-gram lie next to each other or up to `max_skip_count` words apart. A weight
//! belongs to an n-gram, in the order of the pool.

use std::collections::HashMap;
use std::hash::Hash;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::operators::attribute::Attributes;
use crate::operators::tensor::{cast, elements, expect_size, expect_type, tensor};
use crate::operators::written::{Built, Kernel, Shape, build, inputs};

/// Columns of the output.
const MOST_COLUMNS: usize = 1 << 24;

pub(super) fn tfidf_vectorizer(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let positive = |name: &str, least: i64| {
        let found = attributes.int(name, least)?;
        usize::try_from(found).ok().filter(|_| found >= least).with_context(|| {
            format!("attribute {name} is {found}; it must not be less than {least}")
        })
    };
    let shortest = positive("min_gram_length", 1)?;
    let longest = positive("max_gram_length", 1)?;
    let furthest = positive("max_skip_count", 0)?;
    let starts = attributes.ints("ngram_counts")?;
    if longest < shortest || longest > starts.len() {
        bail!(
            "n-grams of {shortest} to {longest} words do not fit {} elements of ngram_counts",
            starts.len()
        );
    }
    let strings = attributes.strings("pool_strings")?;
    let integers = attributes.ints("pool_int64s")?;
    if strings.is_empty() == integers.is_empty() {
        bail!("one of the attributes pool_strings and pool_int64s is required, and only one");
    }
    let column = |index: &i64| {
        usize::try_from(*index).ok().filter(|index| *index < MOST_COLUMNS).with_context(|| {
            format!("attribute ngram_indexes has {index}; it must lie in 0..{MOST_COLUMNS}")
        })
    };
    let columns = attributes.ints("ngram_indexes")?;
    let columns = columns.iter().map(column).collect::<TractResult<Vec<_>>>()?;
    let width = columns.iter().max().context("attribute ngram_indexes must not be empty")? + 1;
    let weights = attributes.floats("weights")?;
    attributes.expect_length("weights", weights.len(), &[0, columns.len()])?;
    let weights = if weights.is_empty() {
        Vec::new()
    } else {
        let mut by_column = vec![0.0; width];
        for (column, weight) in columns.iter().zip(weights) {
            if let Some(slot) = by_column.get_mut(*column) {
                *slot = weight;
            }
        }
        by_column
    };
    let weighs = match attributes.text("mode", "")? {
        "TF" => Weighs::Counts,
        "IDF" => Weighs::Presence,
        "TFIDF" => Weighs::WeightedCounts,
        other => bail!("attribute mode is {other:?}; accepted are TF, IDF and TFIDF"),
    };
    let lengths = shortest..=longest;
    let pool = if strings.is_empty() {
        Pool::Integers(Grams::new(integers, &starts, &columns, &lengths)?)
    } else {
        Pool::Strings(Grams::new(strings, &starts, &columns, &lengths)?)
    };
    build(TfIdfVectorizer { pool, shortest, longest, furthest, width, weights, weighs })
}

#[derive(Clone, Copy, Debug)]
enum Weighs {
    Counts,
    Presence,
    WeightedCounts,
}

#[derive(Debug)]
enum Pool {
    Strings(Grams<String>),
    Integers(Grams<i64>),
}

/// The pool's words by number, and its n-grams of such numbers with their columns.
#[derive(Debug)]
struct Grams<T> {
    words: HashMap<T, u32>,
    columns: HashMap<Vec<u32>, usize>,
}

impl<T: Eq + Hash> Grams<T> {
    fn new(
        pool: Vec<T>,
        starts: &[i64],
        columns: &[usize],
        lengths: &std::ops::RangeInclusive<usize>,
    ) -> TractResult<Self> {
        let mut grams = Self { words: HashMap::new(), columns: HashMap::new() };
        let mut numbers = Vec::with_capacity(pool.len());
        for word in pool {
            let next = u32::try_from(grams.words.len())?;
            numbers.push(*grams.words.entry(word).or_insert(next));
        }
        let mut gram_columns = columns.iter();
        for (index, start) in starts.iter().enumerate() {
            let length = index + 1;
            let end = starts.get(length).map_or(Ok(numbers.len()), |end| usize::try_from(*end));
            let (start, end) = (usize::try_from(*start)?, end?);
            let part = numbers.get(start..end).with_context(|| {
                format!("attribute ngram_counts[{index}] is {start}, which is no place in the pool")
            })?;
            if !part.len().is_multiple_of(length) {
                bail!(
                    "attribute ngram_counts[{index}] leaves {} words for n-grams of {length}",
                    part.len()
                );
            }
            for gram in part.chunks_exact(length) {
                let column = gram_columns.next().with_context(|| {
                    format!(
                        "attribute ngram_indexes has {} elements, fewer than n-grams",
                        columns.len()
                    )
                })?;
                if lengths.contains(&length) {
                    grams.columns.insert(gram.to_vec(), *column);
                }
            }
        }
        Ok(grams)
    }

    /// The numbers of words; none for a word that no n-gram has.
    fn numbers(&self, words: &[T]) -> Vec<Option<u32>> {
        words.iter().map(|word| self.words.get(word).copied()).collect()
    }
}

#[derive(Debug)]
struct TfIdfVectorizer {
    pool: Pool,
    shortest: usize,
    longest: usize,
    furthest: usize,
    width: usize,
    /// One for each column, or none.
    weights: Vec<f32>,
    weighs: Weighs,
}

impl TfIdfVectorizer {
    fn row<T>(&self, grams: &Grams<T>, words: &[Option<u32>], counts: &mut [f32]) {
        let mut gram = Vec::with_capacity(self.longest);
        for distance in 1..=self.furthest.min(words.len()) + 1 {
            for start in 0..words.len() {
                gram.clear();
                let reached = words.get(start..).unwrap_or_default().iter().step_by(distance);
                // A word that is in no n-gram ends those that begin before it.
                for word in reached.take(self.longest).map_while(|word| *word) {
                    gram.push(word);
                    // Single words have no distance, so they count once.
                    if gram.len() < self.shortest || gram.len() == 1 && distance > 1 {
                        continue;
                    }
                    let column = grams.columns.get(&gram);
                    if let Some(count) = column.and_then(|column| counts.get_mut(*column)) {
                        *count += 1.0;
                    }
                }
            }
        }
    }

    fn weigh(&self, counts: &mut [f32]) {
        let weights = self.weights.iter().copied().chain(std::iter::repeat(1.0));
        match self.weighs {
            Weighs::Counts => {}
            Weighs::Presence => {
                for (count, weight) in counts.iter_mut().zip(weights) {
                    *count = if *count > 0.0 { weight } else { 0.0 };
                }
            }
            Weighs::WeightedCounts => {
                counts.iter_mut().zip(weights).for_each(|(count, weight)| *count *= weight);
            }
        }
    }
}

impl Kernel for TfIdfVectorizer {
    fn name(&self) -> &'static str {
        "TfIdfVectorizer"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("TfIdfVectorizer", &types.iter().collect::<Vec<_>>())?;
        let accepted: &[DatumType] = match self.pool {
            Pool::Strings(_) => &[DatumType::String],
            Pool::Integers(_) => &[DatumType::I64, DatumType::I32],
        };
        expect_type("TfIdfVectorizer", *input, accepted)?;
        Ok(tvec!(DatumType::F32))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("TfIdfVectorizer", shapes)?;
        Ok(tvec!(match input {
            [] | [_] => tvec!(self.width.to_dim()),
            [rows, _] => tvec!(rows.clone(), self.width.to_dim()),
            other => bail!("TfIdfVectorizer has an input of rank {}, not 1 or 2", other.len()),
        }))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("TfIdfVectorizer", tensors)?;
        let (rows, words, shape) = match input.shape() {
            [] => (1, 1, tvec!(self.width)),
            [words] => (1, *words, tvec!(self.width)),
            [rows, words] => (*rows, *words, tvec!(*rows, self.width)),
            other => bail!("TfIdfVectorizer has an input of rank {}, not 1 or 2", other.len()),
        };
        let size = expect_size("TfIdfVectorizer", rows, self.width)?;
        let mut counts = vec![0.0; size];
        let numbers = match &self.pool {
            Pool::Strings(grams) => grams.numbers(elements::<String>(input)?),
            Pool::Integers(grams) => grams.numbers(&cast::<i64>(input)?),
        };
        let texts = numbers.chunks(words.max(1));
        for (words, counts) in texts.zip(counts.chunks_exact_mut(self.width)) {
            match &self.pool {
                Pool::Strings(grams) => self.row(grams, words, counts),
                Pool::Integers(grams) => self.row(grams, words, counts),
            }
            self.weigh(counts);
        }
        Ok(tvec!(tensor(counts, &shape)?))
    }
}
