//! Sorting in little code.
//!
//! The library's sort takes some ten KiB of text for each type that it sorts, which is RAM for good. What is sorted
//! here is short, nearly always in order already, and sorted once, at boot.

/// Steps for each item that are spent on putting it in its place among those before it.
const PATIENCE: usize = 4;

/// Sorts by a key, equal ones in any order. It takes n log n steps at most, whatever the order was; few if it is nearly
/// sorted.
pub(crate) fn by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    if let [first, .., last] = &*items
        && key(first) > key(last)
    {
        // Trees list some devices from the last to the first.
        items.reverse();
    }
    if !insert(items, &key) {
        heap_sort(items, &key);
    }
}

/// Sorts by putting each item in its place among those before it, as long as that is near; whether all are sorted.
fn insert<T, K: Ord>(items: &mut [T], key: &impl Fn(&T) -> K) -> bool {
    let mut patience = PATIENCE * items.len();
    for next in 1..items.len() {
        let mut at = next;
        while let Some([before, item]) = items.get(at - 1..=at)
            && key(before) > key(item)
        {
            if patience == 0 {
                return false;
            }
            patience -= 1;
            items.swap(at - 1, at);
            at -= 1;
            if at == 0 {
                break;
            }
        }
    }
    true
}

fn heap_sort<T, K: Ord>(items: &mut [T], key: &impl Fn(&T) -> K) {
    for root in (0..items.len() / 2).rev() {
        sink(items, root, key);
    }
    for end in (1..items.len()).rev() {
        items.swap(0, end);
        if let Some(heap) = items.get_mut(..end) {
            sink(heap, 0, key);
        }
    }
}

/// Moves an item of a heap down until none of its two children is greater.
fn sink<T, K: Ord>(heap: &mut [T], mut at: usize, key: &impl Fn(&T) -> K) {
    while let Some(item) = heap.get(at) {
        let (left, right) = (2 * at + 1, 2 * at + 2);
        let key_at = |at| heap.get(at).map(key);
        let child = if key_at(right) > key_at(left) { right } else { left };
        if key_at(child).is_none_or(|child| child <= key(item)) {
            return;
        }
        heap.swap(at, child);
        at = child;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn it_sorts_what_the_library_sorts() {
        let mut seed = 1_u32;
        for length in 0..if cfg!(miri) { 24 } else { 200 } {
            let mut items: Vec<u32> = (0..length)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    seed >> 26
                })
                .collect();
            let mut expected = items.clone();
            expected.sort_unstable_by_key(|item| core::cmp::Reverse(*item));
            by_key(&mut items, |item| core::cmp::Reverse(*item));
            assert_eq!(items, expected, "{length}");
            by_key(&mut items, |item| *item);
            assert!(items.is_sorted());
        }
    }
}
