//! Reading big-endian cells (Devicetree Specification 2.2.4) out of checked slices.

/// The big-endian 32-bit word at byte `at`, or `None` if it does not lie wholly inside.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|chunk| u32::from_be_bytes(*chunk))
}

/// The big-endian 64-bit word at byte `at`, or `None` if it does not lie wholly inside.
pub(crate) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|chunk| u64::from_be_bytes(*chunk))
}

/// The value of `count` cells from byte `at`: `None` if they are not there or do not fit 64 bits.
pub(crate) fn cells(bytes: &[u8], at: usize, count: usize) -> Option<u64> {
    match count {
        0 => Some(0),
        1 => be32(bytes, at).map(u64::from),
        2 => be64(bytes, at),
        _ => {
            let high = count.checked_sub(2)?.checked_mul(4)?;
            let leading = bytes.get(at..at.checked_add(high)?)?;
            if leading.iter().any(|byte| *byte != 0) {
                return None;
            }
            be64(bytes, at.checked_add(high)?)
        }
    }
}

/// Takes the first string off a string list; `None` when there is none left.
pub(crate) fn take_string<'a>(list: &mut &'a [u8]) -> Option<&'a str> {
    if list.is_empty() {
        return None;
    }
    let length = list.iter().position(|byte| *byte == 0).unwrap_or(list.len());
    let text = list.get(..length).unwrap_or(&[]);
    *list = list.get(length + 1..).unwrap_or(&[]);
    Some(core::str::from_utf8(text).unwrap_or(""))
}

/// The strings of a string list; what is not UTF-8 reads as an empty string, to keep the positions.
pub(crate) fn strings(list: &[u8]) -> impl Iterator<Item = &str> {
    let body = list.strip_suffix(&[0]).unwrap_or(list);
    let count = if list.is_empty() { 0 } else { usize::MAX };
    body.split(|byte| *byte == 0).take(count).map(|part| core::str::from_utf8(part).unwrap_or(""))
}

/// The first string of a property value.
pub(crate) fn first_string(value: &[u8]) -> Option<&str> {
    strings(value).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::vec::Vec;

    #[test]
    fn cells_refuse_what_does_not_fit_64_bits() {
        let bytes = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2];
        assert_eq!(cells(&bytes, 0, 3), None);
        assert_eq!(cells(&bytes, 4, 2), Some(2));
        assert_eq!(cells(&bytes, 8, 2), None);
        assert_eq!(cells(&bytes, usize::MAX, 1), None);
        assert_eq!(cells(&[0; 16], 0, 4), Some(0));
    }

    #[test]
    fn string_lists_keep_positions() {
        assert_eq!(strings(b"a\0b\0").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(strings(b"a\0\xff\0c\0").collect::<Vec<_>>(), ["a", "", "c"]);
        assert_eq!(strings(b"").count(), 0);
        assert_eq!(first_string(b"\0"), Some(""));
        assert_eq!(first_string(b"unterminated"), Some("unterminated"));
    }
}
