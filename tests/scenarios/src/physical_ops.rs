//! What can be done with a physical VMO, and what cannot.

use abi::object::task_retcode::EXCEPTION_KILL;
use abi::object::{property, vmo_flags};
use abi::vmar::{MAP_RANGE, PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::vmo::CachePolicy;
use abi::{Handle, Rights, Sysno, VirtAddr};

use crate::agent::{Arg, Do, RET, Step};
use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "PHO-001" no_read "a physical VMO cannot be read";
    "PHO-002" no_write "a physical VMO cannot be written";
    "PHO-017" names "a name is kept, cut to 31 bytes";
    "PHO-019" mapping_outlives_handle "a mapping works after its handle is closed, and counts";
    "PHO-023" write_after_protect "a mapping made writable reaches the device";
    "PHO-025" beyond_the_end "a mapping may be longer than its VMO, and ends whoever goes there";
    "PHO-026" no_execute_right "a handle without EXECUTE is not mapped executable";
    "PHO-J01" memory_like_executes "flash that is CACHED is executed where it lies";
    "PHO-J02" device_never_executes "no Device policy is ever mapped or made executable";
    "PHO-J03" map_range_is_the_same "MAP_RANGE maps what is mapped anyway";
    "PHO-J04" permissions_need_rights "each permission needs its right, on handle and mapping";
    "PHO-J05" offsets "an offset into the VMO shows the page that lies there";
    "PHO-J06" mappings_count "num_mappings counts mappings of the VMO";
    "PHO-J07" info_versions "each version of the VMO's info has its size";
    "PHO-J08" zero_length "reading nothing of a physical VMO is refused all the same";
}

/// A physical VMO over the register window.
pub(crate) fn registers(env: &mut Env<'_>) -> Result<Handle> {
    let range = env.world.registers;
    let resource = env.mmio(range)?;
    env.create_physical(resource, range.base().0, P)
}

/// A physical VMO over the first pages of flash, with a policy.
pub(crate) fn flash(env: &mut Env<'_>, pages: u64, policy: CachePolicy) -> Result<Handle> {
    let base = env.flash().base().0;
    let resource = env.resource_create(env.world.mmio_root, 0, base, pages * P, b"flash")?;
    let vmo = env.create_physical(resource, base, pages * P)?;
    env.set_policy(vmo, policy)?;
    Ok(vmo)
}

/// Programs a word of flash through a writable mapping of it, and leaves the chips in read mode.
pub(crate) fn program(env: &mut Env<'_>, at: VirtAddr, word: u32) {
    const PROGRAM: u32 = 0x0040_0040;
    const READ_ARRAY: u32 = 0x00FF_00FF;
    env.system.store32(at, PROGRAM);
    env.system.store32(at, word);
    env.system.store32(at, READ_ARRAY);
}

fn no_read(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    refused!(env.vmo_read(vmo, 0, 4), NOT_SUPPORTED);
    refused!(env.vmo_read(vmo, P, 4), NOT_SUPPORTED);
    let bare = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO_PHYSICAL - Rights::READ));
    refused!(env.vmo_read(bare, 0, 4), ACCESS_DENIED);
    Ok(())
}

fn no_write(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    refused!(env.vmo_write(vmo, 0, &[0; 4]), NOT_SUPPORTED);
    let bare = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO_PHYSICAL - Rights::WRITE));
    refused!(env.vmo_write(bare, 0, &[0; 4]), ACCESS_DENIED);
    Ok(())
}

fn names(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    ok!(env.set_name(vmo, b"rtc registers"));
    let name = ok!(env.name(vmo));
    same!(name[..14], *b"rtc registers\0");
    ok!(env.set_name(vmo, &[b'x'; 40]));
    let name = ok!(env.name(vmo));
    same!(name, [[b'x'; 31].as_slice(), &[0]].concat());
    same!(ok!(env.vmo_info(vmo)).name[..], name[..]);
    ok!(env.set_name(vmo, b"a\0b"));
    same!(ok!(env.name(vmo))[..3], *b"a\0\0");
    Ok(())
}

fn mapping_outlives_handle(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let other = ok!(env.duplicate(vmo, Rights::SAME_RIGHTS));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P));
    ok!(env.close(vmo));
    let register = VirtAddr(at.0 + 4);
    env.system.store32(register, 0xCAFE);
    same!(env.system.load32(register), 0xCAFE);
    same!(ok!(env.vmo_info(other)).num_mappings, 1);
    ok!(env.close(other));
    same!(env.system.load32(register), 0xCAFE);
    ok!(env.unmap(at, P));
    Ok(())
}

fn write_after_protect(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let at = ok!(env.map(vmo, PERM_READ, P));
    let register = VirtAddr(at.0 + 4);
    let _first = env.system.load32(register);
    ok!(env.protect(at, P, PERM_READ | PERM_WRITE));
    env.system.store32(register, 0x77);
    same!(env.system.load32(register), 0x77);
    Ok(())
}

fn beyond_the_end(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    // A register that may be written, then what lies behind the VMO.
    for (offset, expected) in [(4, 0), (P, EXCEPTION_KILL), (2 * P - 4, EXCEPTION_KILL)] {
        for access in [Do::Load, Do::Store] {
            let task = ok!(env.new_process(b"beyond"));
            let at = ok!(env.vmar_map(task.vmar, PERM_READ | PERM_WRITE, 0, vmo, 0, 2 * P));
            let touch = Step::new(access, &[Arg::Is(at.0 + offset)]);
            same!(ok!(env.run_prepared(&task, &[touch, Step::exit(0)])), expected);
        }
    }
    Ok(())
}

fn no_execute_right(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(flash(env, 1, CachePolicy::Cached));
    let plain = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO));
    refused!(env.map(plain, PERM_READ | PERM_EXECUTE, P), ACCESS_DENIED);
    ok!(env.map(plain, PERM_READ | PERM_WRITE, P));
    Ok(())
}

fn memory_like_executes(env: &mut Env<'_>) -> Outcome {
    let writable = ok!(flash(env, 1, CachePolicy::UncachedDevice));
    let at = ok!(env.map(writable, PERM_READ | PERM_WRITE, P));
    program(env, VirtAddr(at.0 + 16), RET);
    same!(env.system.load32(VirtAddr(at.0 + 16)), RET);
    ok!(env.unmap(at, P));
    ok!(env.close(writable));
    let code = ok!(flash(env, 1, CachePolicy::Cached));
    let at = ok!(env.map(code, PERM_READ | PERM_EXECUTE, P));
    env.system.execute(VirtAddr(at.0 + 16));
    Ok(())
}

fn device_never_executes(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    for policy in [CachePolicy::Uncached, CachePolicy::UncachedDevice] {
        ok!(env.set_policy(vmo, policy));
        refused!(env.map(vmo, PERM_READ | PERM_EXECUTE, P), ACCESS_DENIED);
        refused!(env.map(vmo, PERM_READ | PERM_WRITE | PERM_EXECUTE, P), ACCESS_DENIED);
        let at = ok!(env.map(vmo, PERM_READ, P));
        refused!(env.protect(at, P, PERM_READ | PERM_EXECUTE), ACCESS_DENIED);
        ok!(env.unmap(at, P));
    }
    Ok(())
}

fn map_range_is_the_same(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let at = ok!(env.map(vmo, MAP_RANGE | PERM_READ | PERM_WRITE, P));
    env.system.store32(VirtAddr(at.0 + 4), 1);
    same!(env.system.load32(VirtAddr(at.0 + 4)), 1);
    Ok(())
}

fn permissions_need_rights(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let all = Rights::DEFAULT_VMO_PHYSICAL;
    let no_map = ok!(env.duplicate(vmo, all - Rights::MAP));
    refused!(env.map(no_map, PERM_READ, P), ACCESS_DENIED);
    let no_read = ok!(env.duplicate(vmo, all - Rights::READ));
    refused!(env.map(no_read, PERM_READ, P), ACCESS_DENIED);
    let no_write = ok!(env.duplicate(vmo, all - Rights::WRITE));
    refused!(env.map(no_write, PERM_READ | PERM_WRITE, P), ACCESS_DENIED);
    let at = ok!(env.map(no_write, PERM_READ, P));
    refused!(env.protect(at, P, PERM_READ | PERM_WRITE), ACCESS_DENIED);
    ok!(env.close(no_write));
    refused!(env.protect(at, P, PERM_READ | PERM_WRITE), ACCESS_DENIED);
    Ok(())
}

fn offsets(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(flash(env, 4, CachePolicy::UncachedDevice));
    let whole = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 4 * P));
    let third = ok!(env.vmar_map(env.world.vmar, PERM_READ | PERM_WRITE, 0, vmo, 2 * P, P));
    program(env, VirtAddr(third.0 + 8), 0x0BAD_CAFE);
    same!(env.system.load32(VirtAddr(whole.0 + 2 * P + 8)), 0x0BAD_CAFE);
    program(env, VirtAddr(third.0 + 8), 0);
    same!(env.system.load32(VirtAddr(whole.0 + 2 * P + 8)), 0);
    Ok(())
}

fn mappings_count(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(flash(env, 2, CachePolicy::UncachedDevice));
    let first = ok!(env.map(vmo, PERM_READ, 2 * P));
    let second = ok!(env.map(vmo, PERM_READ, P));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 2);
    ok!(env.unmap(second, P));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 1);
    ok!(env.unmap(first, 2 * P));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    Ok(())
}

fn info_versions(env: &mut Env<'_>) -> Outcome {
    use abi::object::{INFO_VMO_SIZES, info};
    let vmo = ok!(registers(env));
    let topics = [info::VMO_V1, info::VMO_V2, info::VMO_V3, info::VMO];
    for (topic, size) in topics.into_iter().zip(INFO_VMO_SIZES) {
        let (buffer, actual, avail) = (env.data(&[0xEE; 256]), env.own().0, env.own().0 + 8);
        let mut args = [u64::from(vmo), u64::from(topic), buffer, size as u64, actual, avail];
        ok!(env.raw(Sysno::object_get_info, &args));
        same!((env.peek_u64(VirtAddr(actual)), env.peek_u64(VirtAddr(avail))), (1, 1));
        same!(env.data_bytes(256)[size], 0xEE);
        args[3] -= 1;
        refused!(env.raw(Sysno::object_get_info, &args), BUFFER_TOO_SMALL);
        same!((env.peek_u64(VirtAddr(actual)), env.peek_u64(VirtAddr(avail))), (0, 1));
    }
    truth!(ok!(env.vmo_info(vmo)).flags & vmo_flags::TYPE_PAGED == 0);
    Ok(())
}

fn zero_length(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    refused!(env.vmo_read(vmo, 0, 0), NOT_SUPPORTED);
    refused!(env.vmo_write(vmo, 0, &[]), NOT_SUPPORTED);
    let args = [u64::from(vmo), u64::from(property::NAME), 0, 32];
    refused!(env.raw(Sysno::object_get_property, &args), INVALID_ARGS);
    Ok(())
}
