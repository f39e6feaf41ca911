//! Hexadecimal digits: of digests, of the bits of outputs. Audit records have thousands of them.

/// Two lower-case digits for each byte.
pub fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    let nibble =
        |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    let bytes = bytes.into_iter();
    let mut digits = String::with_capacity(bytes.size_hint().0 * 2);
    for byte in bytes {
        digits.push(nibble(byte >> 4));
        digits.push(nibble(byte & 0xf));
    }
    digits
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
