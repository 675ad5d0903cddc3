//! Interrupts: which controller, which cells, through every `interrupt-map` on the way.
//!
//! Devicetree Specification 2.4. A node's interrupt parent is what its `interrupt-parent` names, or its
//! parent; the climb goes on from there until something has `#interrupt-cells`.

use crate::cursor::{be32, take_string};
use crate::index::{MAX_DEPTH, Name, NodeId};
use crate::translate::Budget;
use crate::tree::Tree;
use abi::device_table::{InterruptKind, Trigger};
use core::fmt;

/// The most cells that an interrupt specifier may have. Real ones have up to 4.
pub const MAX_INTERRUPT_CELLS: usize = 8;
/// The most nexus nodes on the way to a controller. Real trees have 2; a loop of them ends here.
const MAX_HOPS: usize = 8;
/// Cells of a unit address that an `interrupt-map` may compare.
const MAX_UNIT_CELLS: usize = 4;

/// An interrupt specifier: a few cells, by value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cells {
    length: u8,
    cells: [u32; MAX_INTERRUPT_CELLS],
}

impl Cells {
    /// The cells.
    pub fn as_slice(&self) -> &[u32] {
        self.cells.get(..usize::from(self.length)).unwrap_or(&[])
    }

    /// Reads `count` cells at byte `at`; `None` if they are not there or too many.
    fn read(bytes: &[u8], at: usize, count: usize) -> Option<Self> {
        let mut cells = [0; MAX_INTERRUPT_CELLS];
        for (position, cell) in cells.get_mut(..count)?.iter_mut().enumerate() {
            *cell = be32(bytes, at.checked_add(position * 4)?)?;
        }
        Some(Self { length: u8::try_from(count).ok()?, cells })
    }
}

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_slice(), f)
    }
}

/// A specifier as the GIC reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GicInterrupt {
    /// Shared or private.
    pub kind: InterruptKind,
    /// The number that the CPU interface reports.
    pub intid: u32,
    /// Edge or level.
    pub trigger: Trigger,
}

/// From the flags cell of the GIC bindings, whose upper bits may hold a CPU mask.
pub(crate) fn trigger_from_flags(flags: u32) -> Trigger {
    match flags & 0xf {
        1 => Trigger::EdgeRising,
        2 => Trigger::EdgeFalling,
        3 => Trigger::EdgeBoth,
        4 => Trigger::LevelHigh,
        8 => Trigger::LevelLow,
        _ => Trigger::Unspecified,
    }
}

/// An interrupt of a device.
#[derive(Clone, Copy, Debug)]
pub struct Interrupt {
    /// The controller, behind every `interrupt-map`.
    pub controller: NodeId,
    /// The specifier in that controller's terms.
    pub cells: Cells,
    /// The specifier decoded, if the controller is a GIC and the cells make sense to one.
    pub gic: Option<GicInterrupt>,
}

/// Why an interrupt leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptProblem {
    /// Nothing above has `#interrupt-cells`.
    NoParent,
    /// A phandle that no node has.
    NoSuchPhandle(u32),
    /// The node named as a controller has no `#interrupt-cells`.
    NoCells(NodeId),
    /// `#interrupt-cells` is 0 or above [`MAX_INTERRUPT_CELLS`].
    BadCells(NodeId),
    /// The value ends inside a specifier for this node.
    Cut(NodeId),
    /// No row of this node's `interrupt-map` matches.
    NotInMap(NodeId),
    /// A row of this node's `interrupt-map` is cut short, or its `#address-cells` is above 4.
    BadMap(NodeId),
    /// The `interrupt-parent`s from this node on lead to no node with `#interrupt-cells`.
    ParentLoop(NodeId),
    /// More nexus nodes than any board has: a loop.
    Loop(NodeId),
    /// The walk's [`Budget`] is spent, in the `interrupt-map` of this node.
    TooMuchWork(NodeId),
}

impl InterruptProblem {
    /// The reason in words, with the node's path.
    pub fn display<'t, 'a>(self, tree: &'t Tree<'a>) -> impl fmt::Display + use<'t, 'a> {
        fmt::from_fn(move |f| match self {
            Self::NoParent => f.write_str("no node above has #interrupt-cells"),
            Self::NoSuchPhandle(phandle) => write!(f, "no node has phandle {phandle:#x}"),
            Self::NoCells(node) => write!(f, "the controller {} has no #interrupt-cells", tree.path(node)),
            Self::BadCells(node) => {
                write!(f, "#interrupt-cells of {} is not 1 to {MAX_INTERRUPT_CELLS}", tree.path(node))
            }
            Self::Cut(node) => write!(f, "the value ends inside a specifier for {}", tree.path(node)),
            Self::NotInMap(node) => write!(f, "no row of the interrupt-map of {} matches", tree.path(node)),
            Self::BadMap(node) => write!(
                f,
                "the interrupt-map of {} ends inside a row, or its #address-cells is above {MAX_UNIT_CELLS}",
                tree.path(node)
            ),
            Self::ParentLoop(node) => {
                write!(f, "interrupt-parent leads in a circle from {}", tree.path(node))
            }
            Self::Loop(node) => {
                write!(
                    f,
                    "the interrupt-map of {} is one of more than {MAX_HOPS} in a row, or of a circle",
                    tree.path(node)
                )
            }
            Self::TooMuchWork(node) => write!(
                f,
                "finding it in the interrupt-map of {} takes more work than a tree of this size may",
                tree.path(node)
            ),
        })
    }

    /// What to do about it, in words.
    pub fn advice<'t, 'a>(self, tree: &'t Tree<'a>) -> impl fmt::Display + use<'t, 'a> {
        fmt::from_fn(move |f| match self {
            Self::NoParent => f.write_str("name a controller by interrupt-parent"),
            Self::NoSuchPhandle(_) => f.write_str("name a controller that is there"),
            Self::NoCells(node) => {
                write!(f, "name another, or give {} its #interrupt-cells", tree.path(node))
            }
            Self::BadCells(node) => write!(f, "correct it in {}", tree.path(node)),
            Self::Cut(node) => {
                write!(f, "write as many cells as #interrupt-cells of {} says", tree.path(node))
            }
            Self::NotInMap(node) => write!(f, "correct the entry, or add a row to {}", tree.path(node)),
            Self::BadMap(node) => write!(f, "correct {}", tree.path(node)),
            Self::ParentLoop(_) | Self::Loop(_) => f.write_str("break the circle"),
            Self::TooMuchWork(node) => write!(f, "shorten the interrupt-map of {}", tree.path(node)),
        })
    }
}

/// One entry of `interrupts` or `interrupts-extended`.
#[derive(Clone, Copy, Debug)]
pub struct InterruptEntry<'a> {
    /// The device.
    pub node: NodeId,
    /// The entry's place in its property.
    pub index: u32,
    /// Its name from `interrupt-names`.
    pub name: Option<&'a str>,
    /// Where it leads, or why nowhere.
    pub target: Result<Interrupt, InterruptProblem>,
}

impl<'a> Tree<'a> {
    /// Every interrupt of every node, in document order.
    pub fn interrupts(&self) -> Interrupts<'_, 'a> {
        let end = crate::header::to_u32(self.len());
        Interrupts {
            tree: self,
            node: 0,
            end,
            index: 0,
            names: &[],
            source: Source::Unread,
            budget: self.budget(),
        }
    }

    /// The interrupts of one node.
    pub fn node_interrupts(&self, node: NodeId) -> Interrupts<'_, 'a> {
        let end = node.0.saturating_add(1);
        Interrupts {
            tree: self,
            node: node.0,
            end,
            index: 0,
            names: &[],
            source: Source::Unread,
            budget: self.budget(),
        }
    }

    /// Where the rows of a node's `interrupt-map` lead, each with its number: the interrupts of devices that are
    /// not in the tree, such as those on a PCI bus. It ends at a row that cannot be read.
    pub fn map_interrupts<'t>(
        &'t self,
        nexus: NodeId,
        budget: &'t mut Budget,
    ) -> impl Iterator<Item = (u32, Interrupt)> + use<'t, 'a> {
        let map = self.known(nexus, Name::InterruptMap).unwrap_or(&[]);
        let own_cells = interrupt_cells(self, nexus).ok().zip(nexus_unit_cells(self, nexus).ok());
        let child_cells = own_cells.map(|(specifier, unit)| specifier + unit);
        let (mut at, mut next) = (0, 0);
        core::iter::from_fn(move || {
            while at < map.len() && budget.spend() {
                let row = read_row(self, nexus, map, at, child_cells?).ok()?;
                let number = next;
                (at, next) = (row.next, next + 1);
                if let Ok(found) = follow(self, row.parent, row.unit, row.cells, budget) {
                    return Some((number, found));
                }
            }
            None
        })
    }

    /// The node that `node`'s interrupts are addressed to: the first on the way up with
    /// `#interrupt-cells`.
    pub fn interrupt_parent(&self, node: NodeId) -> Result<NodeId, InterruptProblem> {
        let mut at = node;
        // One step more than the climb to the root; a phandle may start a second climb.
        for _ in 0..2 * (MAX_DEPTH + 2) {
            at = match self.known(at, Name::InterruptParent) {
                Some(value) => {
                    let phandle = be32(value, 0).unwrap_or(0);
                    self.by_phandle(phandle).ok_or(InterruptProblem::NoSuchPhandle(phandle))?
                }
                None => self.parent(at).ok_or(InterruptProblem::NoParent)?,
            };
            if self.node(at).is_some_and(|node| node.interrupt_cells().is_some()) {
                return Ok(at);
            }
        }
        Err(InterruptProblem::ParentLoop(node))
    }

    /// Whether the node's interrupts are those of `interrupts-extended`.
    pub(crate) fn has_extended_interrupts(&self, node: NodeId) -> bool {
        self.known(node, Name::InterruptsExtended).is_some()
    }

    /// The first row of a nexus's `interrupt-map` that leads nowhere.
    pub(crate) fn bad_map_row(&self, nexus: NodeId, budget: &mut Budget) -> Option<(u32, InterruptProblem)> {
        let map = self.known(nexus, Name::InterruptMap)?;
        let unit = nexus_unit_cells(self, nexus);
        let child_cells = match interrupt_cells(self, nexus).and_then(|own| unit.map(|unit| own + unit)) {
            Ok(child_cells) => child_cells,
            Err(problem) => return Some((0, problem)),
        };
        let (mut at, mut index) = (0, 0);
        while at < map.len() {
            if !budget.spend() {
                return Some((index, InterruptProblem::TooMuchWork(nexus)));
            }
            let row = read_row(self, nexus, map, at, child_cells);
            let led =
                row.and_then(|row| follow(self, row.parent, row.unit, row.cells, budget).map(|_| row.next));
            match led {
                Ok(next) => (at, index) = (next, index + 1),
                Err(problem) => return Some((index, problem)),
            }
        }
        None
    }
}

/// The property that a node's interrupts are read from.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Unread,
    /// `interrupts`: specifiers of one parent.
    Plain {
        rest: &'a [u8],
        parent: NodeId,
        cells: usize,
    },
    /// `interrupts-extended`: each with its own.
    Extended {
        rest: &'a [u8],
    },
    Broken(InterruptProblem),
    Done,
}

/// The iterator of [`Tree::interrupts`].
#[derive(Debug)]
pub struct Interrupts<'t, 'a> {
    tree: &'t Tree<'a>,
    node: u32,
    end: u32,
    index: u32,
    /// What is left of `interrupt-names`.
    names: &'a [u8],
    source: Source<'a>,
    budget: Budget,
}

impl<'a> Iterator for Interrupts<'_, 'a> {
    type Item = InterruptEntry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.node < self.end {
            let node = NodeId(self.node);
            if matches!(self.source, Source::Unread) {
                self.source = self.open(node);
                self.names = self.tree.known(node, Name::InterruptNames).unwrap_or(&[]);
            }
            if let Some(target) = self.entry(node) {
                let index = self.index;
                self.index += 1;
                let name = take_string(&mut self.names);
                return Some(InterruptEntry { node, index, name, target });
            }
            self.node += 1;
            self.index = 0;
            self.source = Source::Unread;
        }
        None
    }
}

impl<'a> Interrupts<'_, 'a> {
    /// The rows of `interrupt-map`s that were looked at so far.
    pub fn spent(&self) -> u32 {
        self.budget.spent()
    }

    /// `interrupts-extended` goes before `interrupts` when a node has both (specification 2.4.1.1).
    fn open(&self, node: NodeId) -> Source<'a> {
        if let Some(rest) = self.tree.known(node, Name::InterruptsExtended) {
            return Source::Extended { rest };
        }
        let Some(rest) = self.tree.known(node, Name::Interrupts) else { return Source::Done };
        match self.tree.interrupt_parent(node) {
            Err(problem) => Source::Broken(problem),
            Ok(parent) => match interrupt_cells(self.tree, parent) {
                Ok(cells) => Source::Plain { rest, parent, cells },
                Err(problem) => Source::Broken(problem),
            },
        }
    }

    /// Takes the next specifier off the source and follows it.
    fn entry(&mut self, node: NodeId) -> Option<Result<Interrupt, InterruptProblem>> {
        // In `interrupts-extended` a phandle of 0 fills the place of an interrupt that is not wired.
        let (parent, bytes, cells) = match &mut self.source {
            Source::Unread | Source::Done => return None,
            Source::Broken(problem) => {
                let problem = *problem;
                self.source = Source::Done;
                return Some(Err(problem));
            }
            Source::Plain { rest: [], .. } | Source::Extended { rest: [] } => return None,
            Source::Plain { rest, parent, cells } => {
                let specifier = *rest;
                *rest = rest.get(*cells * 4..).unwrap_or(&[]);
                (*parent, specifier, *cells)
            }
            Source::Extended { rest } if be32(rest, 0) == Some(0) => {
                *rest = rest.get(4..).unwrap_or(&[]);
                return Some(Err(InterruptProblem::NoSuchPhandle(0)));
            }
            Source::Extended { rest } => match extended(self.tree, rest) {
                Ok((parent, specifier, cells)) => {
                    *rest = specifier.get(cells * 4..).unwrap_or(&[]);
                    (parent, specifier, cells)
                }
                Err(problem) => {
                    self.source = Source::Done;
                    return Some(Err(problem));
                }
            },
        };
        let Some(specifier) = Cells::read(bytes, 0, cells) else {
            self.source = Source::Done;
            return Some(Err(InterruptProblem::Cut(parent)));
        };
        Some(route(self.tree, node, parent, specifier, &mut self.budget))
    }
}

/// The phandle at the head of `rest`, and what follows it.
fn extended<'a>(tree: &Tree<'_>, rest: &'a [u8]) -> Result<(NodeId, &'a [u8], usize), InterruptProblem> {
    let phandle = be32(rest, 0).unwrap_or(0);
    let parent = tree.by_phandle(phandle).ok_or(InterruptProblem::NoSuchPhandle(phandle))?;
    let cells = interrupt_cells(tree, parent)?;
    Ok((parent, rest.get(4..).unwrap_or(&[]), cells))
}

fn interrupt_cells(tree: &Tree<'_>, node: NodeId) -> Result<usize, InterruptProblem> {
    match tree.node(node).and_then(|node| node.interrupt_cells()) {
        None => Err(InterruptProblem::NoCells(node)),
        Some(cells @ 1..=MAX_INTERRUPT_CELLS) => Ok(cells),
        Some(_) => Err(InterruptProblem::BadCells(node)),
    }
}

/// Follows a specifier through nexus nodes to a controller.
fn route(
    tree: &Tree<'_>,
    device: NodeId,
    parent: NodeId,
    cells: Cells,
    budget: &mut Budget,
) -> Result<Interrupt, InterruptProblem> {
    follow(tree, parent, unit_address(tree, device), cells, budget)
}

/// Follows a specifier at `node` until a node is its controller.
fn follow(
    tree: &Tree<'_>,
    mut node: NodeId,
    mut unit: UnitAddress,
    mut cells: Cells,
    budget: &mut Budget,
) -> Result<Interrupt, InterruptProblem> {
    for _ in 0..MAX_HOPS {
        // A node that is both counts as a controller; Linux does the same.
        let map = tree.known(node, Name::InterruptMap);
        let Some(map) = map.filter(|_| tree.known(node, Name::InterruptController).is_none()) else {
            let gic = tree.decode_gic(node, cells.as_slice());
            return Ok(Interrupt { controller: node, cells, gic });
        };
        (node, unit, cells) = look_up(tree, node, map, unit, cells, budget)?;
    }
    Err(InterruptProblem::Loop(node))
}

/// The cells of a node's first `reg` address, in its bus's terms.
#[derive(Clone, Copy, Default)]
struct UnitAddress {
    cells: [u32; MAX_UNIT_CELLS],
}

impl UnitAddress {
    fn read(bytes: &[u8], at: usize, count: usize) -> Self {
        let mut unit = Self::default();
        for (position, cell) in unit.cells.iter_mut().enumerate().take(count) {
            *cell = be32(bytes, at.saturating_add(position * 4)).unwrap_or(0);
        }
        unit
    }
}

fn unit_address(tree: &Tree<'_>, node: NodeId) -> UnitAddress {
    tree.known(node, Name::Reg)
        .map_or(UnitAddress::default(), |reg| UnitAddress::read(reg, 0, MAX_UNIT_CELLS))
}

/// One row of an `interrupt-map` (specification 2.4.3.1): child unit address, child specifier, and these.
#[derive(Clone, Copy)]
struct Row {
    parent: NodeId,
    unit: UnitAddress,
    cells: Cells,
    /// Where the next row starts.
    next: usize,
}

/// Reads the row at byte `at`, whose child part has `child_cells` cells.
fn read_row(
    tree: &Tree<'_>,
    nexus: NodeId,
    map: &[u8],
    at: usize,
    child_cells: usize,
) -> Result<Row, InterruptProblem> {
    let bad = InterruptProblem::BadMap(nexus);
    let phandle_at = at + child_cells * 4;
    let phandle = be32(map, phandle_at).ok_or(bad)?;
    let parent = tree.by_phandle(phandle).ok_or(InterruptProblem::NoSuchPhandle(phandle))?;
    let unit_cells = tree.node(parent).map_or(0, |node| node.interrupt_address_cells());
    let specifier_cells = interrupt_cells(tree, parent)?;
    let specifier_at = phandle_at + 4 + unit_cells * 4;
    let unit = UnitAddress::read(map, phandle_at + 4, unit_cells);
    let cells = Cells::read(map, specifier_at, specifier_cells).ok_or(bad)?;
    Ok(Row { parent, unit, cells, next: specifier_at + specifier_cells * 4 })
}

/// Cells of a child's unit address in a nexus's map.
fn nexus_unit_cells(tree: &Tree<'_>, nexus: NodeId) -> Result<usize, InterruptProblem> {
    match tree.node(nexus).map_or(0, |node| node.interrupt_address_cells()) {
        cells @ 0..=MAX_UNIT_CELLS => Ok(cells),
        _ => Err(InterruptProblem::BadMap(nexus)),
    }
}

/// The first row of an `interrupt-map` that agrees under the mask.
fn look_up(
    tree: &Tree<'_>,
    nexus: NodeId,
    map: &[u8],
    unit: UnitAddress,
    cells: Cells,
    budget: &mut Budget,
) -> Result<(NodeId, UnitAddress, Cells), InterruptProblem> {
    let unit_cells = nexus_unit_cells(tree, nexus)?;
    let mask = tree.known(nexus, Name::InterruptMapMask);
    let wanted = unit.cells.iter().take(unit_cells).chain(cells.as_slice());
    let mut at = 0;
    while at < map.len() {
        if !budget.spend() {
            return Err(InterruptProblem::TooMuchWork(nexus));
        }
        let matches = wanted.clone().enumerate().all(|(position, wanted)| {
            let mask = mask.map_or(Some(u32::MAX), |mask| be32(mask, position * 4)).unwrap_or(u32::MAX);
            be32(map, at.saturating_add(position * 4)).is_some_and(|row| (row ^ wanted) & mask == 0)
        });
        let row = read_row(tree, nexus, map, at, unit_cells + cells.as_slice().len())?;
        if matches {
            return Ok((row.parent, row.unit, row.cells));
        }
        at = row.next;
    }
    Err(InterruptProblem::NotInMap(nexus))
}
