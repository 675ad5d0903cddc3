//! What somebody may have meant who wrote something else.
use alloc::vec::Vec;

/// The candidate that takes the fewest changes of a byte to become `wanted`; the first of equals.
pub(crate) fn nearest<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates.min_by_key(|candidate| distance(wanted.as_bytes(), candidate.as_bytes()))
}

/// The edit distance of Levenshtein, by one row of his table.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, x) in a.iter().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = replaced.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("/soc/x", "/soc/x", 0)]
        {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected);
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), expected);
        }
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_node() {
        let nodes = ["/pl011@9000000", "/pl031@9010000", "/pl061@9030000"];
        assert_eq!(nearest("/pl031@901000", nodes.into_iter()), Some("/pl031@9010000"));
        assert_eq!(nearest("/rtc@9010000", nodes.into_iter()), Some("/pl031@9010000"));
        assert_eq!(nearest("/x", [].into_iter()), None);
    }
}
