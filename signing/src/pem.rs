//! Finds PEM blocks (RFC 7468) in texts that may have more than one, as OpenSSL writes them.

/// The first block with this label, with its lines of dashes.
pub(crate) fn block<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    blocks(text, label).next()
}

/// Every block with this label.
pub(crate) fn blocks<'a>(text: &'a str, label: &str) -> impl Iterator<Item = &'a str> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, from) = rest.split_at_checked(rest.find(&begin)?)?;
        let length = from.find(&end)? + end.len();
        let (block, after) = from.split_at_checked(length)?;
        rest = after;
        Some(block)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_others() {
        let text = "-----BEGIN A-----\n1\n-----END A-----\n-----BEGIN B-----\n2\n-----END B-----\n\
                    -----BEGIN A-----\n3\n-----END A-----";
        let found: Vec<_> = blocks(text, "A").collect();
        assert_eq!(
            found,
            ["-----BEGIN A-----\n1\n-----END A-----", "-----BEGIN A-----\n3\n-----END A-----"]
        );
        assert_eq!(block(text, "C"), None);
        assert_eq!(block("-----BEGIN A-----\n1", "A"), None);
    }
}
