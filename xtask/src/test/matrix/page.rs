//! `docs/boards.md`: the rows for a reader.

use std::fmt::Write;

use super::table::{Entry, Firmware, Place, ROWS, Row, Source, State, Task};

const HEAD: &str = "\
# What was tried where

Each line is a boot of `cargo xtask test --only qemu`; `--filter NAME` runs one alone. All of them are machines that
QEMU emulates: nothing here was tried on silicon, and [caveats.md](caveats.md) says what an emulator cannot show.

The page is written from the table in `xtask/src/test/matrix/table.rs` by `cargo xtask boards`, never by hand. A new
board is a line of that table and one of `xtask/src/board.rs`, a tree in `dts/` where QEMU makes none, and a console in
`platform/console` where the UART is a new one.

| row | machine | GIC | entered at | CPUs | memory | firmware | device tree | what it does |
|---|---|---|---|---|---|---|---|---|
";

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    for row in ROWS {
        let _ = writeln!(
            page,
            "| {} | {} | {} | EL{} | {} {} | {} | {} | {} | {} |",
            row.name,
            row.machine,
            gic(row),
            row.el,
            row.cpus,
            row.cpu,
            row.memory,
            firmware(row),
            tree(row),
            task(row)
        );
    }
    page
}

/// The machine in a few words.
pub(super) fn machine(row: &Row) -> String {
    let Row { machine, el, cpus, cpu, memory, .. } = row;
    let plural = if *cpus == 1 { "" } else { "s" };
    format!(
        "{machine}, {}, EL{el}, {cpus} {cpu}{plural}, {memory} of RAM, by {}, tree {}",
        gic(row),
        firmware(row),
        tree(row)
    )
}

fn gic(row: &Row) -> String {
    row.gic.map_or_else(|| "no GIC".to_owned(), |version| format!("GICv{version}"))
}

fn firmware(row: &Row) -> String {
    match row.firmware {
        Firmware::Qemu => "QEMU".to_owned(),
        Firmware::TfA => "Trusted Firmware-A".to_owned(),
        Firmware::UBoot => "U-Boot".to_owned(),
        Firmware::Xen => "Xen".to_owned(),
        Firmware::Armstub => "the Pi's, rewritten".to_owned(),
        Firmware::Entrance(Entry { kernel, tree, state }) => {
            let tree = match tree {
                Place::AsGiven => String::new(),
                Place::At(address) => format!(", tree at {address:#x}"),
                Place::End => ", tree at the end of RAM".to_owned(),
                Place::Nowhere(x0) => format!(", x0 = {x0:#x}"),
            };
            format!("ours, registers {}, image at {kernel:#x}{tree}", self::state(state))
        }
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Qemu => "as QEMU leaves them",
        State::UBoot => "as U-Boot leaves them",
        State::Xen => "as Xen leaves them",
        State::Kvm => "as KVM leaves them",
        State::Hostile => "and memory hostile",
    }
}

fn tree(row: &Row) -> String {
    match row.tree {
        Source::Qemu => "QEMU's".to_owned(),
        Source::Larger(more) => format!("QEMU's, with {more} CPUs that are not there"),
        Source::Board => "ours".to_owned(),
        Source::Linux(_) => "Linux's".to_owned(),
        Source::Banks(banks) => format!("QEMU's, with RAM in {} pieces", banks.len()),
        Source::Window { .. } => "QEMU's, with the end of RAM for a memory-like device".to_owned(),
        Source::Limited { .. } => "QEMU's, with a bus that reaches a part of RAM".to_owned(),
        Source::Edited(how, _) => format!("one with {how}"),
    }
}

fn task(row: &Row) -> String {
    match row.task {
        Task::Conformance if row.counted => {
            "the conformance program, with instructions for a clock".to_owned()
        }
        Task::Conformance => "the conformance program".to_owned(),
        Task::Short | Task::Anywhere => "a few tests of it".to_owned(),
        Task::C => "the conformance program in C".to_owned(),
        Task::CPage => "the programs of docs/c-programs.md".to_owned(),
        Task::Date => "the date".to_owned(),
        Task::Default => "what `cargo xtask run` starts there".to_owned(),
        Task::Refusal(why) | Task::SilentRefusal(why) => format!("refuses to start: \"{why}\""),
        Task::PowerOff => "the same, and the machine switches itself off".to_owned(),
        Task::Reset => "the kernel resets the machine, which boots again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_up_to_date() {
        let path = crate::paths::root().join("docs/boards.md");
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == page(), "docs/boards.md is not what the table says: run `cargo xtask boards`");
    }
}
