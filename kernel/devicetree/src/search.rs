//! The search for what a tree says that leads nowhere.

use crate::chosen::SERIALS;
use crate::cursor::{cells, first_string};
use crate::dma::dma_row_size;
use crate::finding::{Finding, Flaw};
use crate::gic::GicVersion;
use crate::index::{Name, NodeId, NodeStatus};
use crate::lookup::be_number;
use crate::platform::EnableMethod;
use crate::translate::{BusAddress, Skip, cell_counts};
use crate::tree::Tree;
use crate::window::{Place, Role};

impl Tree<'_> {
    /// Everything that leads nowhere, kind by kind, each kind in document order.
    ///
    /// It is for whoever wants to mend a tree: it walks the whole tree a few times, and nothing depends on it.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        let cpus = self.child(NodeId::ROOT, "cpus");
        // What `reg` says of a CPU is a number.
        let entries =
            self.reg_entries().filter(move |entry| cpus.is_none() || self.parent(entry.node) != cpus);
        let windows = entries.filter_map(|entry| {
            let flaw = match (self.role(entry.node), entry.place) {
                // What memory cannot be placed is the ledger's to refuse.
                (Role::Memory, Place::Skipped(Skip::Empty)) => Flaw::MemoryEmpty,
                (Role::Device, Place::Skipped(skip)) => Flaw::Window(skip),
                (_, Place::Window { straddles: true, .. }) => Flaw::WindowStraddles,
                _ => return None,
            };
            Some(Finding { node: entry.node, index: entry.index, flaw })
        });
        let pci = self.pci_windows().filter_map(|window| {
            let flaw = match window.place {
                Err(skip) => Flaw::Pci(skip),
                Ok(_) if window.straddles => Flaw::PciStraddles,
                Ok(_) => return None,
            };
            Some(Finding { node: window.node, index: window.index, flaw })
        });
        let interrupts = self.interrupts().filter_map(|entry| {
            let flaw = Flaw::Interrupt(entry.target.err()?);
            Some(Finding { node: entry.node, index: entry.index, flaw })
        });
        let mut budget = self.budget();
        let maps = self.nodes().filter_map(move |node| {
            let (index, problem) = self.bad_map_row(node, &mut budget)?;
            Some(Finding { node, index, flaw: Flaw::MapRow(problem) })
        });
        windows
            .chain(self.nodes().filter_map(|node| self.bad_ranges(node)))
            .chain(pci)
            .chain(self.bad_dma_rows())
            .chain(interrupts)
            .chain(maps)
            .chain(self.nodes().filter_map(|node| self.bad_node(node)))
            .chain(self.bad_platform())
            .chain(self.bad_choices())
    }

    /// The row of a bus's `ranges` at which reading ends or that is passed over: the first.
    fn bad_ranges(&self, bus: NodeId) -> Option<Finding> {
        let ranges = self.known(bus, Name::Ranges)?;
        let (child, size) = cell_counts(self, bus).ok()?;
        let (parent, _) = cell_counts(self, self.parent(bus)?).ok()?;
        let finding = |index: usize, flaw| Finding { node: bus, index: crate::header::to_u32(index), flaw };
        let mut rows = ranges.chunks_exact((child + parent + size) * 4).enumerate();
        let whole = rows.len();
        let readable = |row: &[u8]| {
            // What stands there as a PCI host's parent address is judged with the host's windows.
            BusAddress::read(row, 0, child).is_some()
                && (self.is_host_bridge(bus) || BusAddress::read(row, child * 4, parent).is_some())
                && cells(row, (child + parent) * 4, size).is_some()
        };
        let unreadable = rows.find(|(_, row)| !readable(row));
        match unreadable {
            Some((index, _)) => Some(finding(index, Flaw::RangesTooWide)),
            None if whole * (child + parent + size) * 4 < ranges.len() => {
                Some(finding(whole, Flaw::RangesCut))
            }
            None => None,
        }
    }

    fn bad_dma_rows(&self) -> impl Iterator<Item = Finding> {
        let mut budget = self.budget();
        self.nodes().flat_map(|bus| self.dma_row_bytes(bus)).filter_map(move |(bus, index, row)| {
            let flaw = match self.dma_row(bus, row, &mut budget) {
                Err(skip) => Flaw::Dma(skip),
                Ok((_, true)) => Flaw::DmaStraddles,
                Ok(_) => return None,
            };
            Some(Finding { node: bus, index, flaw })
        })
    }

    /// The rows of one bus's `dma-ranges`, the last perhaps cut short.
    fn dma_row_bytes(&self, bus: NodeId) -> impl Iterator<Item = (NodeId, u32, &[u8])> {
        let ranges = self.known(bus, Name::DmaRanges).unwrap_or(&[]);
        let length = dma_row_size(self, bus).unwrap_or(ranges.len()).max(1);
        (0..).zip(ranges.chunks(length)).map(move |(index, row)| (bus, index, row))
    }

    /// A status that nobody knows, and reservations that reserve nothing.
    fn bad_node(&self, node: NodeId) -> Option<Finding> {
        let finding = |flaw| Some(Finding { node, index: 0, flaw });
        if self.status(node) == NodeStatus::Other {
            return finding(Flaw::StatusUnknown);
        }
        if self.role(node) != Role::Reserved
            || !self.is_available(node)
            || self.known(node, Name::Reg).is_some()
        {
            return None;
        }
        match self.known(node, Name::Size).and_then(be_number) {
            Some(size) if size != 0 => finding(Flaw::ReservedDynamic { size }),
            _ => finding(Flaw::ReservedNothing),
        }
    }

    /// CPUs, PSCI, the timer and the GIC.
    fn bad_platform(&self) -> impl Iterator<Item = Finding> {
        let at = |node, flaw| Finding { node, index: 0, flaw };
        let cpus = self.child(NodeId::ROOT, "cpus");
        let is_cpu = |node: &NodeId| self.known(*node, Name::DeviceType) == Some(b"cpu\0");
        let listed = cpus.into_iter().flat_map(|cpus| self.children(cpus)).filter(is_cpu);
        let number = move |node| {
            let address_cells = self.node(cpus?)?.address_cells();
            cells(self.known(node, Name::Reg)?, 0, address_cells)
        };
        let unnumbered =
            listed.filter(move |node| number(*node).is_none()).map(move |node| at(node, Flaw::CpuReg));
        let methods =
            self.cpus().skip(1).filter(|cpu| cpu.enable_method == EnableMethod::Unknown).map(move |cpu| {
                let method = self.known(cpu.node, Name::EnableMethod).and_then(first_string);
                at(cpu.node, if method == Some("spin-table") { Flaw::CpuRelease } else { Flaw::CpuMethod })
            });
        let psci = self.find_compatible(&["arm,psci-1.0", "arm,psci-0.2"]);
        let psci = psci.filter(|_| self.psci().is_none()).map(|node| at(node, Flaw::PsciMethod));
        let timer = self.timer().filter(|timer| timer.virtual_timer.is_none());
        let timer = timer.map(|timer| at(timer.node, Flaw::TimerNoVirtual));
        unnumbered.chain(methods).chain(psci).chain(timer).chain(self.bad_gic())
    }

    fn bad_gic(&self) -> Option<Finding> {
        let at = |node, flaw| Some(Finding { node, index: 0, flaw });
        let Some(gic) = self.interrupt_controller() else {
            let usable = |node: &NodeId| self.is_available(*node) && self.gic_version(*node).is_some();
            return at(self.nodes().find(usable)?, Flaw::GicNoDistributor);
        };
        match gic.version {
            GicVersion::V2 if gic.cpu_interface.is_none() => at(gic.node, Flaw::GicNoCpuInterface),
            GicVersion::V3
                if (gic.redistributors(self).count() as u64) < u64::from(gic.redistributor_regions) =>
            {
                at(gic.node, Flaw::GicNoRedistributor)
            }
            _ => None,
        }
    }

    /// `/chosen` and `/aliases`.
    fn bad_choices(&self) -> impl Iterator<Item = Finding> {
        let at = |node, flaw| Finding { node, index: 0, flaw };
        let chosen = self.child(NodeId::ROOT, "chosen");
        let stdout = chosen.filter(|_| self.chosen.has_stdout_path() && self.chosen.stdout().is_none());
        let initrd = chosen.filter(|_| self.chosen.has_initrd() && self.chosen.initrd().is_none());
        let broken =
            SERIALS.iter().zip(self.serials).any(|(name, path)| path.is_some() && self.alias(name).is_none());
        let aliases = self.child(NodeId::ROOT, "aliases").filter(|_| broken);
        let stdout = stdout.map(|node| at(node, Flaw::StdoutNowhere));
        let initrd = initrd.map(|node| at(node, Flaw::InitrdBounds));
        let aliases = aliases.map(|node| at(node, Flaw::AliasNowhere));
        stdout.into_iter().chain(initrd).chain(aliases)
    }
}
