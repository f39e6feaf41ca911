//! The graph's outputs, one instance at a time.

use crate::{ElementType, Error, ErrorKind, Tensor};

pub(crate) fn no_row() -> Error {
    let message = "the graph gave fewer rows than it was given";
    Error::new(ErrorKind::InferenceFailed, "unexpected-output", message)
}

/// Cuts outputs along the batch dimension.
pub(crate) fn split(outputs: &[Tensor], count: usize) -> Result<Vec<Vec<Tensor>>, Error> {
    let mut rows: Vec<Vec<Tensor>> =
        (0..count).map(|_| Vec::with_capacity(outputs.len())).collect();
    for tensor in outputs {
        if tensor.shape.first() != Some(&count) {
            let (name, shape) = (&tensor.name, &tensor.shape);
            let message = format!("{name}: expected {count} rows, found the shape {shape:?}");
            return Err(Error::new(ErrorKind::InferenceFailed, "unexpected-output", message));
        }
        let mut data = tensor.data.as_slice();
        for row in &mut rows {
            let length = row_length(tensor, data, count).ok_or_else(no_row)?;
            let (head, tail) = data.split_at_checked(length).ok_or_else(no_row)?;
            data = tail;
            row.push(Tensor {
                name: tensor.name.clone(),
                element_type: tensor.element_type,
                shape: tensor.shape.get(1..).unwrap_or_default().to_vec(),
                data: head.to_vec(),
            });
        }
    }
    Ok(rows)
}

/// How many bytes the next row of a tensor takes.
fn row_length(tensor: &Tensor, rest: &[u8], count: usize) -> Option<usize> {
    if tensor.element_type != ElementType::String {
        // Rows of elements smaller than a byte may share one.
        let whole = tensor.data.len().is_multiple_of(count);
        return whole.then(|| tensor.data.len() / count.max(1));
    }
    let elements: usize = tensor.shape.get(1..)?.iter().product();
    let mut length = 0_usize;
    for _ in 0..elements {
        let prefix = rest.get(length..)?.first_chunk::<4>()?;
        length = length.checked_add(4)?.checked_add(u32::from_le_bytes(*prefix) as usize)?;
    }
    Some(length)
}
