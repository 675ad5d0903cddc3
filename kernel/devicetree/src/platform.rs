//! CPUs, PSCI and the timer.

use crate::cursor::{be64, cells, first_string};
use crate::index::{Name, NodeId};
use crate::interrupt::{GicInterrupt, Interrupt};
use crate::tree::Tree;
use crate::window::Window;
use abi::PhysAddr;

/// How PSCI is called (the `psci` binding's `method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduit {
    /// By `hvc`.
    Hvc,
    /// By `smc`.
    Smc,
}

/// What the tree says of PSCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Psci {
    /// How it is called.
    pub conduit: Conduit,
    /// What its functions are called.
    pub version: PsciVersion,
}

/// Which functions a PSCI has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PsciVersion {
    /// Version 0.2 or later: the numbers are those of Arm DEN 0022.
    Standard,
    /// Version 0.1: the tree names those that there are. None of them is for the whole system.
    Named {
        /// CPU_ON's number.
        cpu_on: u32,
    },
}

/// How a secondary CPU is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnableMethod {
    /// By PSCI CPU_ON.
    Psci,
    /// It polls this address for where to go (Devicetree Specification 3.8.1).
    SpinTable(PhysAddr),
    /// The tree does not say, or in words that we do not know.
    Unknown,
}

/// A CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Its node.
    pub node: NodeId,
    /// The affinity fields of its MPIDR_EL1, as `reg` gives them.
    pub mpidr: u64,
    /// How to start it.
    pub enable_method: EnableMethod,
    /// `status`; a disabled CPU may still be started if the method says how (specification 3.8.1).
    pub available: bool,
}

/// The generic timer's interrupts, all private to each CPU.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    /// Its node.
    pub node: NodeId,
    /// The secure physical timer.
    pub secure_physical: Option<GicInterrupt>,
    /// The non-secure physical timer.
    pub physical: Option<GicInterrupt>,
    /// The virtual timer: the only one that every hypervisor gives.
    pub virtual_timer: Option<GicInterrupt>,
    /// The hypervisor's physical timer.
    pub hypervisor: Option<GicInterrupt>,
}

impl<'a> Tree<'a> {
    /// PSCI; `None` where the tree has none, or does not say how it is called.
    pub fn psci(&self) -> Option<Psci> {
        let standard = self.find_compatible(&["arm,psci-1.0", "arm,psci-0.2"]);
        let node = standard.or_else(|| self.find_compatible(&["arm,psci"]))?;
        let conduit = match self.known(node, Name::Method).and_then(first_string)? {
            "hvc" => Conduit::Hvc,
            "smc" => Conduit::Smc,
            _ => return None,
        };
        let version = match standard {
            Some(_) => PsciVersion::Standard,
            None => PsciVersion::Named { cpu_on: self.property_u32(node, "cpu_on")? },
        };
        Some(Psci { conduit, version })
    }

    /// The registers of the watchdog by which a Raspberry Pi is reset.
    pub fn watchdog(&self) -> Option<Window<'a>> {
        let names = ["brcm,bcm2711-pm", "brcm,bcm2835-pm", "brcm,bcm2835-pm-wdt"];
        let node = self.find_compatible(&names)?;
        self.node_windows(node).find(|window| window.index == 0 && !window.straddles)
    }

    /// The children of `/cpus` with `device_type = "cpu"`, in document order.
    pub fn cpus(&self) -> impl Iterator<Item = Cpu> {
        let cpus = self.child(NodeId::ROOT, "cpus");
        let address_cells = cpus.and_then(|cpus| self.node(cpus)).map_or(2, |node| node.address_cells());
        cpus.into_iter().flat_map(|cpus| self.children(cpus)).filter_map(move |node| {
            if self.known(node, Name::DeviceType) != Some(b"cpu\0") {
                return None;
            }
            let mpidr = cells(self.known(node, Name::Reg)?, 0, address_cells)?;
            let enable_method = match self.known(node, Name::EnableMethod).and_then(first_string) {
                Some("psci") => EnableMethod::Psci,
                Some("spin-table") => {
                    let release = self.known(node, Name::CpuReleaseAddress);
                    let address = release.and_then(|value| be64(value, 0));
                    address
                        .map_or(EnableMethod::Unknown, |address| EnableMethod::SpinTable(PhysAddr(address)))
                }
                _ => EnableMethod::Unknown,
            };
            Some(Cpu { node, mpidr, enable_method, available: self.is_available(node) })
        })
    }

    /// The generic timer. Without `interrupt-names` the order is the binding's: secure, physical,
    /// virtual, hypervisor.
    pub fn timer(&self) -> Option<Timer> {
        let node = self.find_compatible(&["arm,armv8-timer", "arm,armv7-timer"])?;
        let mut timer =
            Timer { node, secure_physical: None, physical: None, virtual_timer: None, hypervisor: None };
        for entry in self.node_interrupts(node) {
            let gic = entry.target.ok().and_then(|interrupt: Interrupt| interrupt.gic);
            let slot = match (entry.name, entry.index) {
                (Some("sec-phys"), _) | (None, 0) => &mut timer.secure_physical,
                (Some("phys"), _) | (None, 1) => &mut timer.physical,
                (Some("virt"), _) | (None, 2) => &mut timer.virtual_timer,
                (Some("hyp-phys"), _) | (None, 3) => &mut timer.hypervisor,
                _ => continue,
            };
            *slot = slot.or(gic);
        }
        Some(timer)
    }
}
