//! What QEMU offers a plugin (QEMU 10.0, "QEMU TCG Plugins"): of that, the functions that are needed here. QEMU itself
//! has them; they are found when it loads the plugin.
use std::ffi::{c_char, c_int, c_uint, c_void};

/// What QEMU knows the plugin by.
pub(crate) type Id = u64;
/// How a memory access is made, packed by QEMU.
pub(crate) type MemInfo = u32;

/// A translated block.
#[repr(C)]
pub(crate) struct Block {
    _opaque: [u8; 0],
}

/// An instruction in a block that is being translated.
#[repr(C)]
pub(crate) struct Instruction {
    _opaque: [u8; 0],
}

/// Where in the machine an access goes.
#[repr(C)]
pub(crate) struct Place {
    _opaque: [u8; 0],
}

/// QEMU_PLUGIN_CB_NO_REGS: the callback looks at no register.
pub(crate) const NO_REGISTERS: c_int = 0;
/// QEMU_PLUGIN_MEM_RW.
pub(crate) const READS_AND_WRITES: c_int = 3;

pub(crate) type Translated = unsafe extern "C" fn(Id, *mut Block);
pub(crate) type Accessed = unsafe extern "C" fn(c_uint, MemInfo, u64, *mut c_void);
pub(crate) type Ended = unsafe extern "C" fn(Id, *mut c_void);

// Each of them: 1. What is passed came from QEMU, and QEMU's call in which it came has not returned. 2. What is
// passed back has the type that QEMU declares, and room for what it writes.
unsafe extern "C" {
    pub(crate) fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, callback: Translated);
    pub(crate) fn qemu_plugin_register_atexit_cb(id: Id, callback: Ended, data: *mut c_void);
    pub(crate) fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    pub(crate) fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut Instruction;
    pub(crate) fn qemu_plugin_insn_data(
        instruction: *const Instruction,
        into: *mut c_void,
        length: usize,
    ) -> usize;
    pub(crate) fn qemu_plugin_insn_vaddr(instruction: *const Instruction) -> u64;
    pub(crate) fn qemu_plugin_register_vcpu_mem_cb(
        instruction: *mut Instruction,
        callback: Accessed,
        flags: c_int,
        direction: c_int,
        data: *mut c_void,
    );
    pub(crate) fn qemu_plugin_get_hwaddr(how: MemInfo, address: u64) -> *mut Place;
    pub(crate) fn qemu_plugin_hwaddr_is_io(place: *const Place) -> bool;
    pub(crate) fn qemu_plugin_hwaddr_phys_addr(place: *const Place) -> u64;
    pub(crate) fn qemu_plugin_hwaddr_device_name(place: *const Place) -> *const c_char;
    pub(crate) fn qemu_plugin_mem_is_store(how: MemInfo) -> bool;
}
