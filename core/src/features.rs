//! Evaluates the manifest's features: from a checked record to the numbers that enter the graph.
//!
//! Names are resolved to places once, when the model loads. Computation is in binary64 and goes
//! through `libm`, never through the platform's mathematics, so that a native build and the
//! component give the same bits.

use model_package::{Feature, FeatureOp, Field, FieldType, Manifest};

use crate::Error;
use crate::instance::FieldValue;
use crate::timestamp::Timestamp;

/// The compiled feature list of a model.
#[derive(Debug)]
pub(crate) struct Features {
    steps: Vec<Step>,
    /// How many of them enter the graph.
    width: usize,
}

#[derive(Debug)]
struct Step {
    name: String,
    internal: bool,
    op: Op,
}

/// Where a number comes from.
#[derive(Clone, Copy, Debug)]
enum Operand {
    Field(usize),
    Feature(usize),
}

/// A [`FeatureOp`] with places for names.
#[derive(Debug)]
enum Op {
    Value(Operand),
    Log1p(Operand),
    Ratio { of: Operand, to: Operand, plus: f64, otherwise: f64 },
    Difference(Operand, Operand),
    Product(Operand, Operand),
    Clip { of: Operand, min: f64, max: f64 },
    Hour(usize),
    Weekday(usize),
    Weekend(usize),
    HourBetween { of: usize, from: f64, until: f64 },
    IsText { of: usize, value: String },
    IsCategory { of: usize, code: usize },
    Same(TextField, TextField),
    Code(usize),
}

/// A field that has a text: its place, and a category's values.
#[derive(Debug)]
struct TextField {
    place: usize,
    values: Vec<String>,
}

impl Features {
    /// Resolves the names of a checked manifest.
    pub(crate) fn compile(manifest: &Manifest) -> Result<Self, Error> {
        let mut steps = Vec::with_capacity(manifest.features.len());
        for (index, feature) in manifest.features.iter().enumerate() {
            let names =
                Names { fields: &manifest.input.fields, earlier: manifest.features.get(..index) };
            let op = names.resolve(&feature.op).ok_or_else(|| {
                // The manifest was checked, so this names a gap between the two.
                let message = format!("feature {} can't be resolved", feature.name);
                Error::model("invalid-manifest", message).at(format!("features[{index}]"))
            })?;
            steps.push(Step { name: feature.name.clone(), internal: feature.internal, op });
        }
        let width = steps.iter().filter(|step| !step.internal).count();
        Ok(Self { steps, width })
    }

    /// How many features enter the graph.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Computes the features of an instance from its fields' values and appends those for the graph to
    /// `row`. `done` is memory to compute in.
    pub(crate) fn evaluate(
        &self,
        values: &[FieldValue<'_>],
        done: &mut Vec<f64>,
        row: &mut Vec<f32>,
    ) -> Result<(), Error> {
        done.clear();
        for step in &self.steps {
            let value = Scope { values, done }.compute(&step.op).filter(|value| value.is_finite());
            let narrow = value.map(|value| value as f32).filter(|value| value.is_finite());
            let (Some(value), Some(narrow)) = (value, narrow) else {
                let message = format!(
                    "the feature {} has no finite value for this input; check the fields that it is computed from",
                    step.name
                );
                return Err(Error::input("feature-undefined", message).at(&step.name));
            };
            if !step.internal {
                row.push(narrow);
            }
            done.push(value);
        }
        Ok(())
    }
}

/// What names mean at one place of the list.
struct Names<'a> {
    fields: &'a [Field],
    earlier: Option<&'a [Feature]>,
}

impl Names<'_> {
    fn resolve(&self, op: &FeatureOp) -> Option<Op> {
        Some(match op {
            FeatureOp::Value { of } => Op::Value(self.number(of)?),
            FeatureOp::Log1p { of } => Op::Log1p(self.number(of)?),
            FeatureOp::Ratio { of, to, plus, otherwise } => Op::Ratio {
                of: self.number(of)?,
                to: self.number(to)?,
                plus: *plus,
                otherwise: *otherwise,
            },
            FeatureOp::Difference { of, minus } => {
                Op::Difference(self.number(of)?, self.number(minus)?)
            }
            FeatureOp::Product { of, by } => Op::Product(self.number(of)?, self.number(by)?),
            FeatureOp::Clip { of, min, max } => {
                Op::Clip { of: self.number(of)?, min: *min, max: *max }
            }
            FeatureOp::Hour { of } => Op::Hour(self.place(of)?),
            FeatureOp::Weekday { of } => Op::Weekday(self.place(of)?),
            FeatureOp::Weekend { of } => Op::Weekend(self.place(of)?),
            FeatureOp::HourBetween { of, from, until } => {
                Op::HourBetween { of: self.place(of)?, from: *from, until: *until }
            }
            FeatureOp::Is { of, value } => self.is(of, value)?,
            FeatureOp::Same { of, r#as } => Op::Same(self.text(of)?, self.text(r#as)?),
            FeatureOp::Code { of } => Op::Code(self.place(of)?),
        })
    }

    fn is(&self, of: &str, value: &str) -> Option<Op> {
        let place = self.place(of)?;
        let field = self.fields.get(place)?;
        match field.kind {
            FieldType::Category => {
                let code = field.values.iter().position(|known| known == value)?;
                Some(Op::IsCategory { of: place, code })
            }
            _ => Some(Op::IsText { of: place, value: value.into() }),
        }
    }

    fn text(&self, name: &str) -> Option<TextField> {
        let place = self.place(name)?;
        Some(TextField { place, values: self.fields.get(place)?.values.clone() })
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    fn number(&self, name: &str) -> Option<Operand> {
        let earlier = self.earlier?.iter().position(|feature| feature.name == name);
        earlier.map(Operand::Feature).or_else(|| self.place(name).map(Operand::Field))
    }
}

/// What a step computes with.
struct Scope<'a> {
    values: &'a [FieldValue<'a>],
    done: &'a [f64],
}

impl Scope<'_> {
    fn compute(&self, op: &Op) -> Option<f64> {
        Some(match op {
            Op::Value(of) => self.number(*of)?,
            Op::Log1p(of) => libm::log1p(self.number(*of)?),
            Op::Ratio { of, to, plus, otherwise } => {
                let divisor = self.number(*to)? + plus;
                if divisor == 0.0 { *otherwise } else { self.number(*of)? / divisor }
            }
            Op::Difference(of, minus) => self.number(*of)? - self.number(*minus)?,
            Op::Product(of, by) => self.number(*of)? * self.number(*by)?,
            // Not `f64::max`: it leaves open which of two zeros it gives.
            Op::Clip { of, min, max } => match self.number(*of)? {
                below if below < *min => *min,
                above if above > *max => *max,
                within => within,
            },
            Op::Hour(of) => self.time(*of)?.hour(),
            Op::Weekday(of) => self.time(*of)?.weekday() as f64,
            Op::Weekend(of) => truth(self.time(*of)?.weekday() >= 5),
            Op::HourBetween { of, from, until } => {
                let hour = self.time(*of)?.hour();
                let (after, before) = (hour >= *from, hour < *until);
                truth(if from <= until { after && before } else { after || before })
            }
            Op::IsText { of, value } => {
                truth(matches!(self.field(*of)?, FieldValue::Text(text) if text == value))
            }
            Op::IsCategory { of, code } => {
                truth(matches!(self.field(*of)?, FieldValue::Category(found) if found == code))
            }
            Op::Same(of, r#as) => truth(self.text(of)? == self.text(r#as)?),
            Op::Code(of) => match self.field(*of)? {
                FieldValue::Category(code) => *code as f64,
                _ => return None,
            },
        })
    }

    fn field(&self, place: usize) -> Option<&FieldValue<'_>> {
        self.values.get(place)
    }

    fn number(&self, operand: Operand) -> Option<f64> {
        match operand {
            Operand::Feature(place) => self.done.get(place).copied(),
            Operand::Field(place) => match self.field(place)? {
                FieldValue::Number(number) => Some(*number),
                _ => None,
            },
        }
    }

    fn time(&self, place: usize) -> Option<Timestamp> {
        match self.field(place)? {
            FieldValue::Time(time) => Some(*time),
            _ => None,
        }
    }

    fn text<'s>(&'s self, field: &'s TextField) -> Option<&'s str> {
        match self.field(field.place)? {
            FieldValue::Text(text) => Some(text),
            FieldValue::Category(code) => field.values.get(*code).map(String::as_str),
            _ => None,
        }
    }
}

fn truth(value: bool) -> f64 {
    f64::from(u8::from(value))
}
