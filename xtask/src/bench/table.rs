//! The figures as a table, as JSON, and in the README.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::rows::{Goal, ROWS, Row};
use super::trace::Counts;

/// Around the table in the README.
const BEGIN: &str = "<!-- bench: written by `cargo xtask bench --readme` -->\n";
const END: &str = "<!-- bench ends -->\n";
const HEAD: &str = "\
| operation | Jacinth | goal | seL4 | Linux | barriers | TLBI |
|---|---:|---:|---:|---:|---:|---:|
";

/// What was measured, by name.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) values: BTreeMap<&'static str, u64>,
    pub(super) counts: BTreeMap<&'static str, Counts>,
}

impl Figures {
    fn goal(&self, row: &Row) -> Option<u64> {
        match row.goal? {
            Goal::AtMost(goal) => Some(goal),
            Goal::TenthMoreThan(other) => self.values.get(other).map(|value| value + value / 10),
        }
    }

    /// The table, in Markdown.
    pub(super) fn table(&self) -> String {
        let lines = ROWS.iter().map(|row| {
            let (ours, counts) = (self.values.get(row.name).copied(), self.counts.get(row.name));
            let goal = match (ours, self.goal(row)) {
                (Some(ours), Some(goal)) if ours > goal => {
                    format!("{}, missed by {}", grouped(goal), grouped(ours - goal))
                }
                (_, goal) => cell(goal),
            };
            let ours = ours.map_or_else(|| "not measured".to_owned(), grouped);
            let (barriers, tlb) = (counts.map(|counts| counts.barriers), counts.map(|counts| counts.tlb));
            let others = [row.sel4, row.linux, barriers, tlb].map(cell).join(" | ");
            format!("| {} | {ours} | {goal} | {others} |\n", row.what)
        });
        HEAD.chars().chain(lines.flat_map(|line| line.chars().collect::<Vec<_>>())).collect()
    }

    /// One object: for each name what was measured, and what is beside it in the table.
    pub(super) fn json(&self) -> Value {
        let entries = ROWS.iter().map(|row| {
            let unit = if row.name.ends_with("_bytes") { "bytes" } else { "instructions" };
            let mut entry = json!({
                unit: self.values.get(row.name), "goal": self.goal(row), "sel4": row.sel4, "linux": row.linux,
            });
            if let (Some(counts), Some(entry)) = (self.counts.get(row.name), entry.as_object_mut()) {
                entry.insert("barriers".to_owned(), counts.barriers.into());
                entry.insert("tlb".to_owned(), counts.tlb.into());
            }
            (row.name.to_owned(), entry)
        });
        Value::Object(entries.collect::<Map<_, _>>())
    }
}

/// `readme` with `table` in the place of the old one.
pub(super) fn replace(readme: &str, table: &str) -> Result<String> {
    let (before, _, after) = parts(readme)?;
    Ok([before, BEGIN, "\n", table, "\n", END, after].concat())
}

/// What is before the table's marks, between them, and behind.
fn parts(readme: &str) -> Result<(&str, &str, &str)> {
    let (before, rest) =
        readme.split_once(BEGIN).with_context(|| format!("the README has no line {BEGIN}"))?;
    let (table, after) = rest.split_once(END).with_context(|| format!("the README has no line {END}"))?;
    Ok((before, table, after))
}

fn cell(value: Option<u64>) -> String {
    value.map(grouped).unwrap_or_default()
}

/// A number with a comma between thousands.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::rows::{BOOT, LARGE_BOOT};

    fn figures() -> Figures {
        let values =
            ROWS.iter().map(|row| (row.name, 70)).chain([(BOOT, 1000), (LARGE_BOOT, 1101)]).collect();
        Figures { values, counts: [("vmo_get_size", Counts { barriers: 3, tlb: 1 })].into() }
    }

    #[test]
    fn a_goal_that_is_missed_stays_visible() {
        let table = figures().table();
        assert!(
            table.contains("| null call: `zx_handle_close(0)` | 70 | 75 | 91 | 315 |  |  |\n"),
            "{table}"
        );
        assert!(table.contains(", 8 GiB | 1,101 | 1,100, missed by 1 |  |  |  |  |\n"), "{table}");
        assert!(table.contains("`zx_vmo_get_size` | 70 |  | 371 |  | 3 | 1 |\n"), "{table}");
        assert!(Figures::default().table().contains("| not measured |"));
    }

    #[test]
    fn json_has_an_object_for_each_name() {
        let json = figures().json();
        assert_eq!(
            json["vmo_get_size"],
            json!({"instructions": 70, "goal": null, "sel4": 371, "linux": null, "barriers": 3, "tlb": 1})
        );
        assert_eq!(json.as_object().unwrap().len(), ROWS.len());
    }

    #[test]
    fn the_table_in_the_readme_is_replaced_and_nothing_else() {
        let readme = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(replace(&readme, "new\n").unwrap(), format!("a\n{BEGIN}\nnew\n\n{END}b\n"));
        assert!(replace("no marks", "new\n").is_err());
    }

    /// A line but for what was measured: the operation and the others' columns.
    fn shape(line: &str) -> Vec<&str> {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        [1, 4, 5].iter().filter_map(|index| cells.get(*index).copied()).collect()
    }

    #[test]
    fn the_readme_has_the_rows_that_are_measured() {
        let readme = std::fs::read_to_string(crate::paths::root().join("README.md")).unwrap();
        let table = parts(&readme).unwrap().1.trim();
        let expected = Figures::default().table();
        assert_eq!(
            table.lines().map(shape).collect::<Vec<_>>(),
            expected.lines().map(shape).collect::<Vec<_>>(),
            "`cargo xtask bench --readme` writes the table anew"
        );
        assert!(!table.contains("not measured"));
    }
}
