//! Hexadecimal digits: of digests, of the bits of outputs. Audit records have thousands of them.

/// Two lower-case digits for each byte.
pub fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    let bytes = bytes.into_iter();
    let mut digits = Vec::with_capacity(bytes.size_hint().0 * 2);
    for byte in bytes {
        digits.extend_from_slice(&pair(byte));
    }
    // Digits are ASCII.
    String::from_utf8(digits).unwrap_or_default()
}

/// The two digits of a byte.
pub(crate) fn pair(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    [digit(byte >> 4), digit(byte & 0xf)]
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte() {
        for byte in 0..=u8::MAX {
            assert_eq!(super::hex([byte]), format!("{byte:02x}"));
        }
        assert_eq!(super::hex([0x00, 0xff, 0x1a]), "00ff1a");
    }
}
