//! As much of Thrift's compact protocol as it takes to look at what a Parquet file says of itself, before
//! memory is taken for it: numbers are kept, and everything else is passed over.

use std::collections::BTreeMap;

/// How deep what is passed over may be nested.
const DEPTH: u32 = 16;

/// Bytes of the compact protocol. Its methods give nothing where the bytes end early, or are no Thrift.
pub(super) struct Compact<'a> {
    left: &'a [u8],
}

/// What was read of a struct.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Whole numbers, and truth values as 1 and 0, by field.
    numbers: BTreeMap<i16, i64>,
    /// Structs in it, by field; at the innermost level they are passed over.
    structs: BTreeMap<i16, Fields>,
}

/// What the protocol calls its types.
mod kind {
    pub(super) const STOP: u8 = 0;
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I32: u8 = 5;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const MAP: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
}

impl Fields {
    pub(super) fn number(&self, id: i16) -> Option<i64> {
        self.numbers.get(&id).copied()
    }

    pub(super) fn part(&self, id: i16) -> Option<&Self> {
        self.structs.get(&id)
    }
}

impl<'a> Compact<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.left.len()
    }

    /// Reads a struct, and those in it down to so many levels.
    pub(super) fn fields(&mut self, levels: u32) -> Option<Fields> {
        let mut fields = Fields::default();
        let mut id = 0;
        while let Some(kind) = self.field(&mut id)? {
            match kind {
                kind::TRUE => drop(fields.numbers.insert(id, 1)),
                kind::FALSE => drop(fields.numbers.insert(id, 0)),
                kind::I16 | kind::I32 | kind::I64 => {
                    fields.numbers.insert(id, self.number()?);
                }
                kind::STRUCT if levels > 0 => {
                    fields.structs.insert(id, self.fields(levels - 1)?);
                }
                other => self.pass(other, DEPTH)?,
            }
        }
        Some(fields)
    }

    /// Goes to the list that is this field of the struct that begins here; how many elements it has.
    pub(super) fn list(&mut self, wanted: i16) -> Option<usize> {
        let mut id = 0;
        while let Some(kind) = self.field(&mut id)? {
            if id == wanted && kind == kind::LIST {
                return self.list_head().map(|(count, _)| count);
            }
            self.pass(kind, DEPTH)?;
        }
        None
    }

    /// The kind of the next field; nothing at the struct's end. `id` is that of the field before.
    fn field(&mut self, id: &mut i16) -> Option<Option<u8>> {
        let head = self.byte()?;
        let kind = head & 0x0f;
        if kind == kind::STOP {
            return Some(None);
        }
        *id = match head >> 4 {
            0 => i16::try_from(self.number()?).ok()?,
            more => id.checked_add(more.into())?,
        };
        Some(Some(kind))
    }

    /// Passes over a value.
    fn pass(&mut self, kind: u8, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            kind::TRUE | kind::FALSE => Some(()),
            kind::BYTE => self.take(1).map(drop),
            kind::I16 | kind::I32 | kind::I64 => self.number().map(drop),
            kind::DOUBLE => self.take(8).map(drop),
            kind::BINARY => {
                let length = self.varint()?;
                self.take(usize::try_from(length).ok()?).map(drop)
            }
            kind::LIST | kind::SET => {
                let (count, kind) = self.list_head()?;
                (0..count).try_for_each(|_| self.element(kind, depth))
            }
            kind::MAP => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.element(kinds >> 4, depth)?;
                    self.element(kinds & 0x0f, depth)
                })
            }
            kind::STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.pass(kind, depth)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    /// Passes over an element of a list, where a truth value takes a byte.
    fn element(&mut self, kind: u8, depth: u32) -> Option<()> {
        match kind {
            kind::TRUE | kind::FALSE => self.take(1).map(drop),
            kind => self.pass(kind, depth),
        }
    }

    fn list_head(&mut self) -> Option<(usize, u8)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            few => few.into(),
        };
        Some((count, head & 0x0f))
    }

    fn number(&mut self) -> Option<i64> {
        let zigzag = self.varint()?;
        Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(count)?;
        self.left = left;
        Some(taken)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_and_the_rest_is_passed_over() {
        // 1: -3; 2: "ab"; 4: [true, false]; 5: {1: 300; 2: true}; 21: {} as a map; 30: 7.
        let bytes = [
            0x15, 5, 0x18, 2, b'a', b'b', 0x29, 0x21, 1, 2, 0x1c, 0x15, 0xd8, 4, 0x11, 0, 0x0b, 42,
            0, 0x95, 14, 0, 99,
        ];
        let mut compact = Compact::new(&bytes);
        let fields = compact.fields(1).unwrap();
        assert_eq!(
            (fields.number(1), fields.number(30), fields.number(2)),
            (Some(-3), Some(7), None)
        );
        let inner = fields.part(5).unwrap();
        assert_eq!((inner.number(1), inner.number(2)), (Some(300), Some(1)));
        assert_eq!(compact.left(), 1);
        assert_eq!(Compact::new(&bytes).list(4), Some(2));
        assert_eq!(Compact::new(&bytes).list(5), None);
        // Cut anywhere, it is no struct.
        for end in 0..bytes.len() - 1 {
            assert!(Compact::new(&bytes[..end]).fields(1).is_none(), "{end}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let deep = [0x1c; 64];
        assert!(Compact::new(&deep).fields(0).is_none());
        let endless = [0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(Compact::new(&endless).fields(0).is_none());
    }
}
