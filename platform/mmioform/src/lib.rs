//! A plugin for QEMU's TCG that watches every instruction of a machine: which of them reach a device in a form for
//! which the hardware reports no syndrome (Arm ARM, ISS encoding for an exception from a Data Abort: ISV is 0), so
//! that no hypervisor could emulate the device.
//!
//! `cargo xtask test` loads it into each QEMU: `-plugin libmmioform.so,out=FILE`. Instructions of the plain form are
//! not watched at all, so that the machine is not slowed down more than it must be. The file gets a line for the first
//! access of each instruction that is at fault, while the machine runs, and a last one with the counts:
//!
//! ```text
//! refused pc=0x40201234 word=0xa9400440 form=Pair load address=0x9000000 device=pl011
//! end others=123456 refused=1
//! ```
//!
//! `others` counts the accesses in other forms wherever they went: 0 means that the plugin saw nothing. A machine that
//! is killed leaves no last line.

mod qemu;

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use loadstore::Form;

/// Which version of QEMU's interface this is written for (QEMU 10.0; the functions used are those of 9.1).
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "QEMU looks for this name")]
pub static qemu_plugin_version: c_int = 3;

/// Where the findings go.
static OUT: OnceLock<Mutex<File>> = OnceLock::new();
/// The instructions that are watched. QEMU translates one again and again, and each is kept once, for good.
static SITES: Mutex<Option<HashMap<(u64, u32), &'static Site>>> = Mutex::new(None);
/// Accesses in other forms than the plain one.
static OTHERS: AtomicU64 = AtomicU64::new(0);
/// Those of them that reached a device.
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// An instruction that accesses memory in another form than the plain one.
struct Site {
    pc: u64,
    word: u32,
    is_known: AtomicBool,
}

/// What QEMU calls when it has loaded the plugin: 0 if it shall go on.
///
/// # Safety
/// 1. QEMU calls it, with `argc` strings at `argv`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: qemu::Id,
    _info: *const c_void,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    let arguments = (0..usize::try_from(argc).unwrap_or(0)).map(|index| {
        // SAFETY: by 1 there are `argc` pointers to strings, which live as long as this call.
        unsafe { CStr::from_ptr(*argv.add(index)) }.to_string_lossy().into_owned()
    });
    let paths: Vec<String> =
        arguments.filter_map(|argument| Some(argument.strip_prefix("out=")?.to_owned())).collect();
    let [path] = &paths[..] else {
        eprintln!("mmioform: one argument is needed, out=FILE");
        return 1;
    };
    match File::create(path) {
        Ok(file) => _ = OUT.set(Mutex::new(file)),
        Err(error) => {
            eprintln!("mmioform: cannot write {path}: {error}");
            return 1;
        }
    }
    // SAFETY: 1, the callbacks have the types that QEMU declares, and are there as long as the plugin.
    unsafe {
        qemu::qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
        qemu::qemu_plugin_register_atexit_cb(id, ended, std::ptr::null_mut());
    }
    0
}

/// QEMU has translated a block: the instructions in it that are not of the plain form are watched from now on.
unsafe extern "C" fn translated(_id: qemu::Id, block: *mut qemu::Block) {
    // SAFETY: 1, QEMU gives a block that lives as long as this call.
    let count = unsafe { qemu::qemu_plugin_tb_n_insns(block) };
    for index in 0..count {
        let mut word = [0; 4];
        // SAFETY: 1, as above, and the block has so many instructions. 2, `word` has room for the bytes.
        let (instruction, pc) = unsafe {
            let instruction = qemu::qemu_plugin_tb_get_insn(block, index);
            qemu::qemu_plugin_insn_data(instruction, word.as_mut_ptr().cast(), word.len());
            (instruction, qemu::qemu_plugin_insn_vaddr(instruction))
        };
        let word = u32::from_le_bytes(word);
        if loadstore::access(word).is_some_and(|access| access.form == Form::Plain) {
            continue;
        }
        let site = std::ptr::from_ref(site(pc, word)).cast_mut().cast();
        // SAFETY: 1, as above. 2, the callback has QEMU's type, and a site is never freed.
        unsafe {
            qemu::qemu_plugin_register_vcpu_mem_cb(
                instruction,
                accessed,
                qemu::NO_REGISTERS,
                qemu::READS_AND_WRITES,
                site,
            );
        }
    }
}

/// A watched instruction accesses memory.
unsafe extern "C" fn accessed(_cpu: c_uint, how: qemu::MemInfo, address: u64, site: *mut c_void) {
    OTHERS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: 1, QEMU calls this for the access that `how` and `address` describe.
    let place = unsafe { qemu::qemu_plugin_get_hwaddr(how, address) };
    // SAFETY: 1, the place is used during this call alone; `&&` keeps null from it.
    let is_device = !place.is_null() && unsafe { qemu::qemu_plugin_hwaddr_is_io(place) };
    if !is_device {
        return;
    }
    REFUSED.fetch_add(1, Ordering::Relaxed);
    // SAFETY: `translated` registers a `&'static Site` with this callback.
    let site = unsafe { &*site.cast_const().cast::<Site>() };
    if site.is_known.swap(true, Ordering::Relaxed) {
        return;
    }
    // SAFETY: 1, as above. The name is a string that QEMU keeps.
    let (physical, name, is_store) = unsafe {
        let name = qemu::qemu_plugin_hwaddr_device_name(place);
        let name = if name.is_null() { c"?" } else { CStr::from_ptr(name) };
        (qemu::qemu_plugin_hwaddr_phys_addr(place), name, qemu::qemu_plugin_mem_is_store(how))
    };
    let form =
        loadstore::access(site.word).map_or("unknown".to_owned(), |access| format!("{:?}", access.form));
    let direction = if is_store { "store" } else { "load" };
    let (pc, word, name) = (site.pc, site.word, name.to_string_lossy());
    write(&format!(
        "refused pc={pc:#x} word={word:#010x} form={form} {direction} address={physical:#x} device={name}"
    ));
}

/// QEMU is about to end.
unsafe extern "C" fn ended(_id: qemu::Id, _data: *mut c_void) {
    let (others, refused) = (OTHERS.load(Ordering::Relaxed), REFUSED.load(Ordering::Relaxed));
    write(&format!("end others={others} refused={refused}"));
}

/// The one record of an instruction.
fn site(pc: u64, word: u32) -> &'static Site {
    let mut sites = lock(&SITES);
    sites
        .get_or_insert_default()
        .entry((pc, word))
        .or_insert_with(|| Box::leak(Box::new(Site { pc, word, is_known: AtomicBool::new(false) })))
}

/// Adds a line to the file.
fn write(line: &str) {
    if let Some(file) = OUT.get()
        && let Err(error) = writeln!(lock(file), "{line}")
    {
        eprintln!("mmioform: {error}: {line}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
