//! The kernel's own devices: mapped once, Device-nGnRE, execute-never, for good.
use abi::{PhysAddr, PhysRange};
use console::{Console, Model, Registers, Spread};
use mmio::Window;

use crate::entry::Boot;
use crate::layout::{DEVICES, DEVICES_SIZE};
use crate::tables::MapError;
use crate::{descriptor, output};

impl Boot {
    /// Maps a device's registers for the kernel; gives the window and its address. A window that shares pages
    /// with one that is mapped already uses that mapping.
    ///
    /// # Safety
    /// 1. `range` holds device registers that the kernel keeps for itself, no RAM.
    /// 2. A device there that masters the bus stays off, or the kernel confines it.
    ///
    /// # Errors
    /// [`MapError`] if it is too large for the kernel's device window or no table is left.
    pub(crate) unsafe fn map_device_at(
        &mut self,
        range: PhysRange,
    ) -> Result<(Window<'static>, usize), MapError> {
        let pages = range.expand_to_pages();
        let page = match self.device_page(pages) {
            Some(page) => page,
            // SAFETY: 1 by the caller.
            None => unsafe { self.map_device_pages(pages)? },
        };
        let start = page + range.base().page_offset();
        // SAFETY: 1, the pages were just mapped as device memory and never go away. 2 by the caller.
        let window = unsafe { Window::new(start as usize, range.size() as usize) };
        Ok((window.ok_or(MapError::Odd(range.base()))?, start as usize))
    }

    /// Where `pages` are mapped already.
    fn device_page(&self, pages: PhysRange) -> Option<u64> {
        let held = self.devices.iter().flatten().find(|(held, _)| held.contains(pages))?;
        Some(held.1 + (pages.base().0 - held.0.base().0))
    }

    /// Maps pages of registers at the next free address.
    ///
    /// # Safety
    /// 1. `pages` hold device registers that the kernel keeps for itself, no RAM.
    unsafe fn map_device_pages(&mut self, pages: PhysRange) -> Result<u64, MapError> {
        let start = self.next_device;
        let too_large = MapError::OutOfReach(pages.base());
        if pages.size() > DEVICES + DEVICES_SIZE - start {
            return Err(too_large);
        }
        let slot = self.devices.iter_mut().find(|slot| slot.is_none()).ok_or(too_large)?;
        self.next_device += pages.size();
        // SAFETY: 1, the caller says that these are registers which the kernel keeps, so the only mappings of
        // them are the kernel's, all Device-nGnRE.
        unsafe {
            self.space.map(start, pages.base(), pages.size(), descriptor::DEVICE, &mut self.tables)?;
        }
        // Only now: a mapping that stopped half-way is nobody's.
        *slot = Some((pages, start));
        Ok(start)
    }
}

/// Boards whose console is known without a tree, for the one message that says why there is none. Their
/// PrimeCell identification is checked before anything is written.
const LAST_RESORTS: [PhysAddr; 2] = [
    PhysAddr(0x0900_0000), // QEMU virt
    PhysAddr(0xfe20_1000), // Raspberry Pi 4
];

impl Boot {
    /// Gives up: says why in one line, and stops. Without a console, tries the places where boards that we
    /// know have one.
    pub fn fail(mut self, why: core::fmt::Arguments<'_>) -> ! {
        if !output::has_console()
            && let Some(console) = self.last_resort_console()
        {
            output::set_console(console);
        }
        crate::power::fail(why)
    }

    fn last_resort_console(&mut self) -> Option<Console<'static>> {
        LAST_RESORTS.iter().find_map(|base| {
            let range = PhysRange::new(*base, 0x1000).ok()?;
            // SAFETY: 1, on a board that we know these are registers. On any other, RAM may be read as Device,
            // which changes nothing, and this boot ends here. 2, only identification words are read below, and
            // a PL011's data and control registers written if they say that it is one.
            let (window, address) = unsafe { self.map_device_at(range) }.ok()?;
            // SAFETY: 1, the page was just mapped as device memory. 2, `self` proves that this is boot.
            if !unsafe { is_pl011(address as u64) } {
                return None;
            }
            Registers::new(Model::find(["arm,pl011"])?, Spread::default()).ok()?.console(&window).ok()
        })
    }
}

/// Whether a page of device memory identifies itself as a PL011: UARTPeriphID0-1 (part number 0x011) and
/// UARTPCellID0-3 (PrimeCell, 0xb105f00d).
///
/// # Safety
/// 1. `page` is mapped as device memory.
/// 2. No thread has run at EL0 yet.
unsafe fn is_pl011(page: u64) -> bool {
    const IDENTIFICATION: [(u64, u32); 6] =
        [(0xfe0, 0x11), (0xfe4, 0x10), (0xff0, 0x0d), (0xff4, 0xf0), (0xff8, 0x05), (0xffc, 0xb1)];
    IDENTIFICATION.iter().all(|(offset, expected)| {
        // SAFETY: 1 and 2 by the caller; the offsets are multiples of 4 in the page.
        let found = unsafe { crate::trap::load_if_present(page + offset) };
        found == Some(*expected)
    })
}
