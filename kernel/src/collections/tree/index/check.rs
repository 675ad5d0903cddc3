//! Whether a tree holds together, for its tests.

use super::{Index, NIL};

impl Index {
    /// Checks what every operation relies on. Gives the entries.
    pub(in crate::collections::tree) fn check(&self) -> usize {
        self.nodes.check();
        let (mut seen, mut used) = (0, 0);
        let mut row = if self.root == NIL { Vec::new() } else { vec![self.root] };
        for level in (0..=self.height).rev() {
            let mut below = Vec::new();
            for at in row {
                let node = self.nodes.get(at).expect("a node");
                used += 1;
                assert!(
                    node.len() > u32::from(level > 0 && at == self.root) || level == 0 && at == self.root
                );
                for (key, item) in (0..node.len()).map(|rank| node.entry(rank).expect("an entry")) {
                    if level == 0 {
                        seen += 1;
                    } else {
                        let known = self.summary(item.at as u32);
                        if item.at as u32 == self.untold.0 && level == 1 {
                            assert_eq!(known.map(|(key, _)| key), Some(key));
                        } else {
                            assert_eq!(known, Some((key, item)));
                        }
                        below.push(item.at as u32);
                    }
                }
            }
            row = below;
        }
        assert_eq!(used, self.nodes.used());
        seen
    }
}
