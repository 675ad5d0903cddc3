//! Ways to a register that clippy must refuse: checked by the lint's own test, and part of no crate. Each line that
//! must be refused says so.
#![no_std]
#![allow(clippy::missing_safety_doc, clippy::undocumented_unsafe_blocks)]

use core::ptr::NonNull;
use tock_registers::registers::{
    Aliased,          // refused
    InMemoryRegister, // refused
    ReadOnly,         // refused
    ReadWrite,        // refused
    WriteOnly,        // refused
};

pub unsafe fn by_functions(register: *mut u32) -> u32 {
    unsafe {
        core::ptr::write_volatile(register, 1); // refused
        core::ptr::read_volatile(register) // refused
    }
}

pub unsafe fn by_methods(constant: *const u32, register: *mut u32) -> u32 {
    unsafe {
        register.write_volatile(1); // refused
        register.read_volatile() // refused
            + constant.read_volatile() // refused
    }
}

pub unsafe fn by_non_null(register: NonNull<u32>) -> u32 {
    unsafe {
        register.write_volatile(1); // refused
        register.read_volatile() // refused
    }
}

pub struct ByType {
    pub aliased: Aliased<u32>,           // refused
    pub in_memory: InMemoryRegister<u32>, // refused
    pub read_only: ReadOnly<u32>,        // refused
    pub read_write: ReadWrite<u32>,      // refused
    pub write_only: WriteOnly<u32>,      // refused
}

tock_registers::register_structs! { // refused
    pub ByMacro {
        (0x00 => data: u32),
        (0x04 => @END),
    }
}

/// What is in memory is no device's, and stays allowed.
pub fn by_reference(memory: &mut u32) -> u32 {
    *memory += 1;
    *memory
}
