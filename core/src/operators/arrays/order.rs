//! Places in the order of what lies there. The comparison is called through a pointer: a sort for every
//! type of element and every operator would be half a megabyte of the component.

use std::cmp::Ordering;

/// The first `count` of `0..along` when they are in order; equals stay as they come.
pub(super) fn first_places(
    along: usize,
    count: usize,
    compare: &dyn Fn(usize, usize) -> Ordering,
) -> Vec<usize> {
    let compare = |a: &usize, b: &usize| compare(*a, *b).then(a.cmp(b));
    let mut places: Vec<usize> = (0..along).collect();
    if count > 0 && count < along {
        places.select_nth_unstable_by(count - 1, compare);
    }
    places.truncate(count);
    places.sort_unstable_by(compare);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_comes_first() {
        let values = [2, 1, 2, 0, 1];
        let first = |count| first_places(5, count, &|a, b| values.get(a).cmp(&values.get(b)));
        assert_eq!(first(5), [3, 1, 4, 0, 2]);
        assert_eq!(first(2), [3, 1]);
        assert!(first(0).is_empty());
    }
}
