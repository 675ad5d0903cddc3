//! A device's registers, mapped from the resource that grants them.
use abi::resource::Kind;
use abi::{PhysAddr, PhysRange, Status, VirtAddr, status::Result, vmar};

use crate::object::{Part, Resource, Vmo};
use crate::runtime::startup::vmar_root;

/// A device's window in this program's address space.
///
/// Holding one proves that the whole window is mapped, readable and writable, with the memory type of
/// registers, Device-nGnRE. It is unmapped on drop.
///
/// ```ignore
/// let window = zx::mmio::Window::map(&startup.take(USER_WINDOW, 0)?)?;
/// let rtc = Pl031::new(window.registers())?;
/// ```
#[derive(Debug)]
pub struct Window {
    /// The page that holds the window's first byte.
    page: VirtAddr,
    /// Bytes mapped, whole pages.
    mapped: u64,
    /// Where in the first page the window starts.
    offset: u64,
    /// Bytes in the window.
    size: u64,
}

impl Window {
    /// Maps the window that a resource grants.
    ///
    /// The mapping has whole pages. Other devices in them are reachable for this process, though not through
    /// the [`Window`](::mmio::Window) that [`Window::registers`] gives.
    ///
    /// A device that can write to memory by itself must be confined or be told only addresses of memory made
    /// for it: the registers of such a device are not safe to write, whatever the type of the method.
    ///
    /// # Errors
    /// WRONG_TYPE for a resource that is not a window; BAD_STATE for one that starts at an odd address, which
    /// no register block does; else as `zx_vmo_create_physical` and `zx_vmar_map` say.
    pub fn map(resource: &Resource) -> Result<Self> {
        let info = resource.info()?;
        if info.kind != Kind::Mmio as u32 {
            return Err(Status::WRONG_TYPE);
        }
        // The ranged root has no range: it grants what `Vmo::create_physical` is asked for, not one window.
        let window = PhysRange::new(PhysAddr(info.base), info.size).map_err(|_| Status::WRONG_TYPE)?;
        let pages = window.expand_to_pages();
        let size = usize::try_from(pages.size()).map_err(|_| Status::OUT_OF_RANGE)?;
        let vmo = Vmo::create_physical(resource, pages.base(), size)?;
        let options = vmar::PERM_READ | vmar::PERM_WRITE | vmar::MAP_RANGE;
        let root = vmar_root().ok_or(Status::BAD_STATE)?;
        let page = root.map(options, 0, Part { vmo: &vmo, offset: 0, len: pages.size() })?;
        let offset = window.base().page_offset();
        let mapped = Self { page, mapped: pages.size(), offset, size: window.size() };
        if mapped.whole().is_none() {
            return Err(Status::BAD_STATE);
        }
        Ok(mapped)
    }

    /// The window's registers, for a driver's register block.
    pub fn registers(&self) -> ::mmio::Window<'_> {
        // `map` has refused the window for which this is `None`.
        self.whole().unwrap_or_else(|| unreachable!("a window at an odd address"))
    }

    fn whole(&self) -> Option<::mmio::Window<'_>> {
        let base = usize::try_from(self.page.0 + self.offset).ok()?;
        // SAFETY: 1: `map` has mapped these bytes as device memory, and they stay mapped until `self` is
        // dropped, which the lifetime of the result forbids. 2: `map` says what a driver has to keep.
        unsafe { ::mmio::Window::new(base, usize::try_from(self.size).ok()?) }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let Some(root) = vmar_root() else { return };
        // SAFETY: 1: only `registers` gives access to the mapping, and what it gave has ended.
        let _ = unsafe { root.unmap(self.page, self.mapped) };
    }
}
