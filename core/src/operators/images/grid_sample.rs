//! [`GridSample`](https://onnx.ai/onnx/operators/onnx__GridSample.html): an image read at the places
//! that a grid names, each between −1 and 1. tract's moves a place that lies outside to the border
//! before it weighs the cubic's neighbours; PyTorch and ONNX Runtime move the neighbours.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, at, each_index, floats, offset, strides, values_of, volume,
};

/// How the value at a place follows from its neighbours.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Nearest,
    Linear,
    Cubic,
}

/// What lies outside of the image.
#[derive(Clone, Copy)]
enum Padding {
    Zeros,
    Border,
    Reflection,
}

struct Sampler {
    mode: Mode,
    padding: Padding,
    aligned: bool,
}

pub(crate) fn grid_sample_facts(
    _: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let [Some(image), Some(grid)] = inputs else { bail!("GridSample has 2 inputs") };
    let rank = image.rank();
    ensure!(rank > 2 && grid.rank() == rank, "ranks of {rank} and {}", grid.rank());
    let places = grid.shape.iter().skip(1).take(rank - 2);
    let shape: TVec<TDim> = image.shape.iter().take(2).chain(places).cloned().collect();
    Ok(tvec!(image.datum_type.fact(shape)))
}

pub(crate) fn grid_sample(call: &Call) -> TractResult<Vec<Value>> {
    let (image, grid) = (call.tensor(0)?, call.tensor(1)?);
    let sampler = Sampler::read(call)?;
    let ([batch, channels, extents @ ..], [own, places @ .., coordinates]) =
        (image.shape(), grid.shape())
    else {
        bail!("an image of rank {} and a grid of rank {}", image.rank(), grid.rank())
    };
    let axes = extents.len();
    let fits = own == batch && axes > 0 && places.len() == axes && *coordinates == axes;
    ensure!(fits, "a grid of shape {:?} for an image of {:?}", grid.shape(), image.shape());
    ensure!(sampler.mode != Mode::Cubic || axes == 2, "cubic of {axes} axes; accepted are 2");
    ensure!(axes <= 3, "an image of {axes} axes; accepted are 1 to 3");
    let shape: Vec<usize> = [*batch, *channels].into_iter().chain(places.iter().copied()).collect();
    let mut result = vec![0.0; volume(DatumType::F32, &shape)?];
    ensure!(result.is_empty() || !extents.contains(&0), "an image of shape {:?}", image.shape());
    let (values, grid) = (floats(image)?, floats(grid)?);
    let (steps, area) = (strides(extents), extents.iter().product::<usize>());
    let count: usize = places.iter().product();
    for item in 0..*batch {
        let mut place = 0;
        each_index(places, |_| {
            let start = (item * count + place) * axes;
            let mut taps = vec![(0, 1.0)];
            for (axis, (extent, step)) in extents.iter().zip(&steps).enumerate() {
                // The last axis of the image is the first coordinate.
                let coordinate = at(&grid, start + axes - 1 - axis)?;
                let own = sampler.taps(coordinate, *extent);
                let joined = taps.iter().flat_map(|(offset, weight)| {
                    own.iter().map(move |(tap, own)| (offset + tap * step, weight * own))
                });
                taps = joined.collect();
            }
            for channel in 0..*channels {
                let image = (item * channels + channel) * area;
                let mut sum = 0.0;
                for (offset, weight) in &taps {
                    sum += weight * at(&values, image + offset)?;
                }
                let target = offset(&[item * channels + channel, place], &[count, 1]);
                if let Some(target) = result.get_mut(target) {
                    *target = sum;
                }
            }
            place += 1;
            Ok(())
        })?;
    }
    Ok(vec![values_of(&shape, result)?.cast_to_dt(image.datum_type())?.into_owned().into()])
}

impl Sampler {
    fn read(call: &Call) -> TractResult<Self> {
        let mode = match call.text("mode", "linear")?.as_str() {
            "nearest" => Mode::Nearest,
            "linear" | "bilinear" => Mode::Linear,
            "cubic" | "bicubic" => Mode::Cubic,
            other => bail!("mode is {other:?}; accepted are nearest, linear and cubic"),
        };
        let padding = match call.text("padding_mode", "zeros")?.as_str() {
            "zeros" => Padding::Zeros,
            "border" => Padding::Border,
            "reflection" => Padding::Reflection,
            other => {
                bail!("padding_mode is {other:?}; accepted are zeros, border and reflection")
            }
        };
        Ok(Self { mode, padding, aligned: call.flag("align_corners", false)? })
    }

    /// The neighbours along one axis, those that are there, with their weights.
    fn taps(&self, coordinate: f32, extent: usize) -> Vec<(usize, f32)> {
        let size = extent as f32;
        let mut place = match self.aligned {
            true => (coordinate + 1.0) / 2.0 * (size - 1.0),
            false => ((coordinate + 1.0) * size - 1.0) / 2.0,
        };
        if self.mode == Mode::Linear {
            place = self.moved(place, size);
        }
        let first = libm::floorf(place);
        let (first, weights) = match self.mode {
            Mode::Nearest => (libm::rintf(place), vec![1.0]),
            Mode::Linear => (first, vec![first + 1.0 - place, place - first]),
            Mode::Cubic => (first - 1.0, cubic(place - first).into()),
        };
        let taps = weights.into_iter().enumerate();
        taps.filter_map(|(tap, weight)| {
            let place = first + tap as f32;
            let outside = !(0.0..size).contains(&place);
            let place = if outside { self.moved(place, size) } else { place };
            // Zeros add nothing; what is moved lies inside but for rounding.
            (!outside || !matches!(self.padding, Padding::Zeros))
                .then(|| ((place as usize).min(extent - 1), weight))
        })
        .collect()
    }

    /// Where a place outside is found.
    fn moved(&self, place: f32, size: f32) -> f32 {
        let (low, high) = if self.aligned { (0.0, size - 1.0) } else { (-0.5, size - 0.5) };
        match self.padding {
            Padding::Zeros => place,
            Padding::Border => place.clamp(0.0, size - 1.0),
            Padding::Reflection => reflected(place, low, high),
        }
    }
}

/// A place mirrored at the ends until it lies between them.
fn reflected(place: f32, low: f32, high: f32) -> f32 {
    let range = high - low;
    let beyond = if place < low { low - place } else { place - high };
    if range <= 0.0 {
        return low;
    }
    if beyond <= 0.0 || beyond.is_nan() {
        return place;
    }
    let rest = libm::fmodf(beyond, range);
    let times = libm::truncf(beyond / range);
    let odd = libm::fmodf(times, 2.0) != 0.0;
    if (place < low) == odd { high - rest } else { low + rest }
}

/// The weights of four neighbours, the place lying so far behind the second.
fn cubic(x: f32) -> [f32; 4] {
    const A: f32 = -0.75;
    let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    [far(x + 1.0), near(x), near(1.0 - x), far(2.0 - x)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_outside_are_mirrored() {
        for (place, expected) in [(-0.75, -0.25), (0.0, 0.0), (2.75, 2.25), (4.0, 1.0), (-4.0, 2.0)]
        {
            assert_eq!(reflected(place, -0.5, 2.5), expected, "{place}");
        }
        assert_eq!(reflected(-7.0, 0.0, 0.0), 0.0);
    }

    #[test]
    fn neighbours_beyond_the_border_are_at_the_border() {
        let sampler = Sampler { mode: Mode::Cubic, padding: Padding::Border, aligned: true };
        // At −0.5 of an image of two: the neighbours −2, −1, 0 and 1.
        let places: Vec<_> = sampler.taps(-2.0, 2).into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, [0, 0, 0, 1]);
        assert!((sampler.taps(-2.0, 2).iter().map(|(_, w)| w).sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
