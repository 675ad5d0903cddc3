//! `zx_vmo_create_physical`: what it gives, and the order in which it refuses.
//!
//! The order is a decision of its own, from the first check to the last: size, range of the CPU, policy,
//! resource, grant, alignment of the address, memory, output.

use abi::object::vmo_flags;
use abi::resource::{FLAG_EXCLUSIVE, Kind};
use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::CachePolicy;
use abi::{Handle, Rights, Status, Sysno};

use crate::agent::{Arg, DATA, Step};
use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "PHY-001" creates "a resource gives a physical VMO";
    "PHY-002" half_page_resource "a resource of half a page grants its page";
    "PHY-004" child_grants_no_more "a child resource grants no more than its own range";
    "PHY-005" child_grants_its_range "a child resource grants its own range";
    "PHY-007" size_before_policy_and_resource "a size of 0 is refused before anything else is looked at";
    "PHY-008" size_zero "a size of 0 is refused";
    "PHY-010" bad_resource "a handle that is none, or was closed, is refused";
    "PHY-011" wrong_type "a handle of another type is refused";
    "PHY-013" no_rights_needed "a resource handle needs no right";
    "PHY-014" size_before_handle "an unaligned size is refused before the handle is looked at";
    "PHY-016" grant_before_alignment "an address outside the resource is refused before its alignment";
    "PHY-017" range_wraps "a range that wraps is out of range";
    "PHY-019" controller_denied "the ranged root does not grant the interrupt controller";
    "PHY-020" ram_denied "the ranged root does not grant a page that a request shares with RAM";
    "PHY-022" grant_before_output "an address outside the resource is refused before the output is looked at";
    "PHY-023" default_rights "a new handle has the contract's rights with WAIT, INSPECT and SIGNAL";
    "PHY-025" size_is_given "the size is the one asked for";
    "PHY-026" content_size_is_given "the content size is the one asked for";
    "PHY-028" vmo_info "info tells of contiguous memory that is nobody's pages";
    "PHY-029" size_without_rights "the size can be asked without any right";
    "PHY-031" contiguous "a physical VMO of many pages is contiguous";
    "PHY-032" resource_closed "the VMO works after its resource is closed";
    "PHY-034" probe_by_minting "minting through the address space gives resources or plain refusals";
    "PHY-J01" pairs_in_order "each of two mistakes is reported in the order of the checks";
    "PHY-J02" beyond_the_cpu "an end beyond the CPU's address width is out of range";
    "PHY-J03" other_kinds "a resource of another kind is the wrong type";
    "PHY-J04" bad_outputs "a bad output is refused last and leaves nothing behind";
    "PHY-J05" content_size_bounds "the content size can be set to anything from 0 to the size";
    "PHY-J06" unaligned_resource "a resource that starts inside a page grants the page, and no more";
    "PHY-J07" refusals_leave_nothing "refused calls leave no object behind";
    "PHY-J08" neighbours_denied "the pages before and after a resource are not granted";
    "PHY-J09" page_group "two windows of one page each grant that page";
    "PHY-J10" names_and_koids "two VMOs of one range are two objects without a name";
    "PHY-J11" content_size_of_a_register_is_a_number "a changed content size changes no register";
}

/// The register window's page and a resource for it.
fn registers(env: &mut Env<'_>) -> Result<(Handle, u64)> {
    let range = env.world.registers;
    Ok((env.mmio(range)?, range.base().0))
}

/// The first page of flash, where several pages are needed, and a resource for `pages` of it.
fn flash(env: &mut Env<'_>, pages: u64) -> Result<(Handle, u64)> {
    let base = env.flash().base().0;
    let root = env.world.mmio_root;
    Ok((env.resource_create(root, 0, base, pages * P, b"flash")?, base))
}

fn creates(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    let vmo = ok!(env.create_physical(resource, base, P));
    same!(vmo & 3, 3);
    same!(ok!(env.basic(vmo)).object_type, abi::ObjectType::Vmo as u32);
    Ok(())
}

fn half_page_resource(env: &mut Env<'_>) -> Outcome {
    let base = env.flash().base().0;
    let half = ok!(env.resource_create(env.world.mmio_root, 0, base, P / 2, b"half"));
    ok!(env.create_physical(half, base, P));
    refused!(env.create_physical(half, base, 2 * P), ACCESS_DENIED);
    Ok(())
}

fn child_grants_no_more(env: &mut Env<'_>) -> Outcome {
    let (parent, base) = ok!(flash(env, 2));
    let child = ok!(env.resource_create(parent, 0, base, P, b"child"));
    refused!(env.create_physical(child, base, 2 * P), ACCESS_DENIED);
    refused!(env.create_physical(child, base + P, P), ACCESS_DENIED);
    Ok(())
}

fn child_grants_its_range(env: &mut Env<'_>) -> Outcome {
    let (parent, base) = ok!(flash(env, 2));
    let child = ok!(env.resource_create(parent, 0, base, P, b"child"));
    ok!(env.create_physical(child, base, P));
    ok!(env.create_physical(parent, base, 2 * P));
    Ok(())
}

fn size_before_policy_and_resource(env: &mut Env<'_>) -> Outcome {
    refused!(env.create_physical(0, 0, 0), INVALID_ARGS);
    let (resource, base) = ok!(registers(env));
    refused!(env.create_physical(resource, base, 0), INVALID_ARGS);
    let task = ok!(env.new_process_denied_vmos());
    let create = |size| {
        let args = [Arg::Is(0), Arg::Is(base), Arg::Is(size), Arg::Script(DATA)];
        Step::call(Sysno::vmo_create_physical, &args)
    };
    // With a size the policy speaks, before anybody looks at the resource.
    same!(ok!(env.run_prepared(&task, &[create(0), create(P), Step::exit(0)])), 0);
    refused!(env.step_status(&task, 0), INVALID_ARGS);
    refused!(env.step_status(&task, 1), ACCESS_DENIED);
    Ok(())
}

fn size_zero(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    refused!(env.create_physical(resource, base, 0), INVALID_ARGS);
    Ok(())
}

fn bad_resource(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    refused!(env.create_physical(0, base, P), BAD_HANDLE);
    refused!(env.create_physical(resource ^ 0x100, base, P), BAD_HANDLE);
    refused!(env.create_physical(resource & !3, base, P), BAD_HANDLE);
    ok!(env.close(resource));
    refused!(env.create_physical(resource, base, P), BAD_HANDLE);
    Ok(())
}

fn wrong_type(env: &mut Env<'_>) -> Outcome {
    let base = env.world.registers.base().0;
    let (channel, _) = ok!(env.channel());
    let vmo = ok!(env.vmo_create(P, 0));
    let event = ok!(env.making(Sysno::event_create, &[0]));
    for handle in [event, channel, vmo, env.world.job, env.world.thread, env.world.process, env.world.vmar] {
        refused!(env.create_physical(handle, base, P), WRONG_TYPE);
    }
    Ok(())
}

fn no_rights_needed(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    let bare = ok!(env.duplicate(resource, Rights::NONE));
    same!(ok!(env.rights(bare)), Rights::NONE);
    ok!(env.create_physical(bare, base, P));
    Ok(())
}

fn size_before_handle(env: &mut Env<'_>) -> Outcome {
    let base = env.world.registers.base().0;
    refused!(env.create_physical(0, base, P + 1), INVALID_ARGS);
    refused!(env.create_physical(0, 0, P + 1), INVALID_ARGS);
    refused!(env.create_physical(0, 0, P - 1), INVALID_ARGS);
    refused!(env.create_physical(0, 0, u64::MAX), INVALID_ARGS);
    Ok(())
}

fn grant_before_alignment(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    refused!(env.create_physical(resource, base + P + 1, P), ACCESS_DENIED);
    refused!(env.create_physical(resource, base + 1, P), ACCESS_DENIED);
    let (wide, base) = ok!(flash(env, 2));
    refused!(env.create_physical(wide, base + 1, P), INVALID_ARGS);
    Ok(())
}

fn range_wraps(env: &mut Env<'_>) -> Outcome {
    let root = env.world.mmio_root;
    refused!(env.create_physical(root, 0u64.wrapping_sub(P), 2 * P), OUT_OF_RANGE);
    refused!(env.create_physical(root, u64::MAX, P), OUT_OF_RANGE);
    refused!(env.create_physical(root, P, 0u64.wrapping_sub(P)), OUT_OF_RANGE);
    Ok(())
}

fn controller_denied(env: &mut Env<'_>) -> Outcome {
    let (root, controller) = (env.world.mmio_root, env.world.controller.0);
    refused!(env.create_physical(root, controller, P), ACCESS_DENIED);
    refused!(env.create_physical(root, controller - P, 2 * P), ACCESS_DENIED);
    refused!(env.resource_create(root, 0, controller, P, b"gic"), ACCESS_DENIED);
    Ok(())
}

fn ram_denied(env: &mut Env<'_>) -> Outcome {
    let (root, ram) = (env.world.mmio_root, env.world.ram);
    refused!(env.create_physical(root, ram.base().0, P), ACCESS_DENIED);
    refused!(env.create_physical(root, ram.last().0 + 1 - P, P), ACCESS_DENIED);
    refused!(env.create_physical(root, ram.last().0 + 1 - P, 2 * P), ACCESS_DENIED);
    if ram.base().0 == 0 {
        // There is nothing below it.
        return Ok(());
    }
    refused!(env.create_physical(root, ram.base().0 - P, 2 * P), ACCESS_DENIED);
    // The last byte of the request is RAM's first, then not even that: the request ends inside a page
    // whose rest the expansion adds, and the page is not RAM.
    refused!(env.create_physical(root, ram.base().0 - P + 1, P), ACCESS_DENIED);
    refused!(env.create_physical(root, ram.base().0 - P - 1, P), INVALID_ARGS);
    refused!(env.resource_create(root, 0, ram.base().0 - 8, 16, b"edge"), ACCESS_DENIED);
    Ok(())
}

fn grant_before_output(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    for pointer in env.bad_pointers() {
        let args = [u64::from(resource), base + P, P, pointer];
        refused!(env.raw(Sysno::vmo_create_physical, &args), ACCESS_DENIED);
    }
    Ok(())
}

fn default_rights(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    let vmo = ok!(env.create_physical(resource, base, P));
    same!(ok!(env.rights(vmo)).0, 0xD0FF);
    Ok(())
}

fn size_is_given(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(flash(env, 4));
    for pages in 1..=4 {
        let vmo = ok!(env.create_physical(resource, base, pages * P));
        same!(ok!(env.vmo_size(vmo)), pages * P);
    }
    Ok(())
}

fn content_size_is_given(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(flash(env, 4));
    for pages in 1..=4 {
        let vmo = ok!(env.create_physical(resource, base, pages * P));
        same!(ok!(env.content_size(vmo)), pages * P);
    }
    Ok(())
}

fn vmo_info(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(flash(env, 2));
    let vmo = ok!(env.create_physical(resource, base, 2 * P));
    let info = ok!(env.vmo_info(vmo));
    same!(info.flags, vmo_flags::CONTIGUOUS | vmo_flags::VIA_HANDLE);
    same!(info.size_bytes, 2 * P);
    same!((info.committed_bytes, info.populated_bytes), (0, 0));
    same!(info.cache_policy, CachePolicy::UncachedDevice as u32);
    same!((info.parent_koid, info.num_children, info.num_mappings), (0, 0, 0));
    same!(info.handle_rights, Rights::DEFAULT_VMO_PHYSICAL.0);
    same!(info.koid, ok!(env.basic(vmo)).koid);
    Ok(())
}

fn size_without_rights(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    let vmo = ok!(env.create_physical(resource, base, P));
    let bare = ok!(env.duplicate(vmo, Rights::NONE));
    same!(ok!(env.vmo_size(bare)), P);
    same!(ok!(env.vmo_info(bare)).handle_rights, 0);
    Ok(())
}

fn contiguous(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(flash(env, 4));
    let vmo = ok!(env.create_physical(resource, base, 4 * P));
    truth!(ok!(env.vmo_info(vmo)).flags & vmo_flags::CONTIGUOUS != 0);
    // The kernel takes it for that where it matters: one address stands for all of it.
    let bti = ok!(env.bti());
    let options = abi::dma::pin::PERM_READ | abi::dma::pin::CONTIGUOUS;
    let (pmt, addresses) = ok!(env.pin(bti, options, vmo, (0, 4 * P), 1));
    same!(addresses, [base]);
    ok!(env.unpin(pmt));
    Ok(())
}

fn resource_closed(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    let vmo = ok!(env.create_physical(resource, base, P));
    ok!(env.close(resource));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P));
    // The clock's match register: the driver's own to read and write, and without effect here.
    let register = abi::VirtAddr(at.0 + 4);
    env.system.store32(register, 0x1234_5678);
    same!(env.system.load32(register), 0x1234_5678);
    Ok(())
}

fn probe_by_minting(env: &mut Env<'_>) -> Outcome {
    let mut granted = 0;
    for step in 0..64u64 {
        match env.resource_create(env.world.mmio_root, 0, step << 32, P, b"probe") {
            Ok(_) => granted += 1,
            Err(status) => truth!(matches!(status, Status::NOT_FOUND | Status::ACCESS_DENIED)),
        }
    }
    truth!(granted > 0);
    // No CPU has addresses of more than 52 bits.
    for base in [1 << 52, 1 << 62] {
        refused!(env.resource_create(env.world.mmio_root, 0, base, P, b"probe"), NOT_FOUND);
    }
    Ok(())
}

/// One mistake in a call, and how it is reported.
struct Mistake {
    expected: Status,
    apply: fn(&mut [u64; 4], &Env<'_>, Handle),
}

/// In the order of the checks. Each changes one argument and leaves the others right.
const MISTAKES: [Mistake; 6] = [
    Mistake { expected: Status::INVALID_ARGS, apply: |args, _, _| args[2] = P / 2 },
    Mistake {
        expected: Status::OUT_OF_RANGE,
        apply: |args, env, _| args[1] = 1 << env.world.physical_bits.min(63),
    },
    Mistake { expected: Status::BAD_HANDLE, apply: |args, _, _| args[0] = 0 },
    Mistake { expected: Status::WRONG_TYPE, apply: |args, _, channel| args[0] = u64::from(channel) },
    Mistake { expected: Status::ACCESS_DENIED, apply: |args, _, _| args[1] += 2 * P },
    Mistake { expected: Status::INVALID_ARGS, apply: |args, _, _| args[3] = 0 },
];

fn pairs_in_order(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(flash(env, 1));
    let (channel, _) = ok!(env.channel());
    for (index, first) in MISTAKES.iter().enumerate() {
        for second in &MISTAKES[index..] {
            let mut args = [u64::from(resource), base, P, env.own().0];
            // The earlier mistake goes in last: where both change one argument, it is the one that counts.
            (second.apply)(&mut args, env, channel);
            (first.apply)(&mut args, env, channel);
            same!(env.raw(Sysno::vmo_create_physical, &args), Err(first.expected));
        }
    }
    // An unaligned address is the one mistake whose order shows only inside a grant of two pages.
    let (wide, base) = ok!(flash(env, 2));
    let unaligned = [u64::from(wide), base + 8, P, 0];
    refused!(env.raw(Sysno::vmo_create_physical, &unaligned), INVALID_ARGS);
    Ok(())
}

fn beyond_the_cpu(env: &mut Env<'_>) -> Outcome {
    let (root, end) = (env.world.mmio_root, 1u64 << env.world.physical_bits);
    refused!(env.create_physical(root, end, P), OUT_OF_RANGE);
    refused!(env.create_physical(root, end - P, 2 * P), OUT_OF_RANGE);
    // Out of range comes before the handle.
    refused!(env.create_physical(0, end, P), OUT_OF_RANGE);
    // The last page of the CPU's range is anybody's who holds the root.
    ok!(env.create_physical(root, end - P, P));
    Ok(())
}

fn other_kinds(env: &mut Env<'_>) -> Outcome {
    let base = env.world.registers.base().0;
    refused!(env.create_physical(env.world.irq_root, base, P), WRONG_TYPE);
    refused!(env.create_physical(env.world.system_root, base, P), WRONG_TYPE);
    let irq = ok!(env.resource_create(env.world.irq_root, Kind::Irq as u32, 34, 1, b"irq"));
    refused!(env.create_physical(irq, base, P), WRONG_TYPE);
    Ok(())
}

fn bad_outputs(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    let read_only = ok!(env.vmo_create(P, 0));
    let read_only = ok!(env.map(read_only, PERM_READ, P));
    let before = env.system.object_count();
    for pointer in env.bad_pointers().into_iter().chain([read_only.0]) {
        let args = [u64::from(resource), base, P, pointer];
        refused!(env.raw(Sysno::vmo_create_physical, &args), INVALID_ARGS);
    }
    same!(env.system.object_count(), before);
    Ok(())
}

fn content_size_bounds(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(flash(env, 2));
    let vmo = ok!(env.create_physical(resource, base, 2 * P));
    for size in [0, 1, P - 1, P, P + 1, 2 * P - 1, 2 * P] {
        ok!(env.set_content_size(vmo, size));
        same!(ok!(env.content_size(vmo)), size);
        same!(ok!(env.vmo_size(vmo)), 2 * P);
    }
    refused!(env.set_content_size(vmo, 2 * P + 1), OUT_OF_RANGE);
    refused!(env.set_content_size(vmo, u64::MAX), OUT_OF_RANGE);
    same!(ok!(env.content_size(vmo)), 2 * P);
    let rights = Rights::DEFAULT_VMO_PHYSICAL;
    let no_write = ok!(env.duplicate(vmo, rights - Rights::WRITE));
    refused!(env.set_content_size(no_write, 0), ACCESS_DENIED);
    let no_set = ok!(env.duplicate(vmo, rights - Rights::SET_PROPERTY));
    refused!(env.set_content_size(no_set, 0), ACCESS_DENIED);
    let no_get = ok!(env.duplicate(vmo, rights - Rights::GET_PROPERTY));
    refused!(env.content_size(no_get), ACCESS_DENIED);
    Ok(())
}

fn unaligned_resource(env: &mut Env<'_>) -> Outcome {
    let base = env.flash().base().0 + P;
    let resource = ok!(env.resource_create(env.world.mmio_root, 0, base + 0x800, P, b"straddles"));
    ok!(env.create_physical(resource, base, 2 * P));
    refused!(env.create_physical(resource, base, 3 * P), ACCESS_DENIED);
    refused!(env.create_physical(resource, base - P, P), ACCESS_DENIED);
    refused!(env.create_physical(resource, base + 0x800, P), INVALID_ARGS);
    Ok(())
}

fn refusals_leave_nothing(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    let before = env.system.object_count();
    for _ in 0..32 {
        refused!(env.create_physical(resource, base, 0), INVALID_ARGS);
        refused!(env.create_physical(resource, base + P, P), ACCESS_DENIED);
        refused!(env.raw(Sysno::vmo_create_physical, &[u64::from(resource), base, P, 0]), INVALID_ARGS);
    }
    same!(env.system.object_count(), before);
    Ok(())
}

fn neighbours_denied(env: &mut Env<'_>) -> Outcome {
    let base = env.flash().base().0 + P;
    let resource = ok!(env.resource_create(env.world.mmio_root, 0, base, P, b"middle"));
    refused!(env.create_physical(resource, base - P, P), ACCESS_DENIED);
    refused!(env.create_physical(resource, base + P, P), ACCESS_DENIED);
    refused!(env.create_physical(resource, base - P, 3 * P), ACCESS_DENIED);
    refused!(env.create_physical(resource, 0u64.wrapping_sub(P), P), OUT_OF_RANGE);
    ok!(env.create_physical(resource, base, P));
    Ok(())
}

fn page_group(env: &mut Env<'_>) -> Outcome {
    let [first, second] = env.world.group;
    same!(first.base().page_down(), second.base().page_down());
    let page = first.base().page_down().0;
    for window in [first, second] {
        let resource = ok!(env.mmio(window));
        ok!(env.create_physical(resource, page, P));
        refused!(env.create_physical(resource, page + P, P), ACCESS_DENIED);
    }
    Ok(())
}

fn names_and_koids(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    let first = ok!(env.create_physical(resource, base, P));
    let second = ok!(env.create_physical(resource, base, P));
    truth!(ok!(env.basic(first)).koid != ok!(env.basic(second)).koid);
    truth!(ok!(env.basic(first)).koid >= abi::object::KOID_FIRST);
    same!(ok!(env.name(first)), [0; 32]);
    // An exclusive resource is as good as a shared one.
    let base = env.flash().base().0;
    let alone = ok!(env.resource_create(env.world.mmio_root, FLAG_EXCLUSIVE, base, P, b"alone"));
    ok!(env.create_physical(alone, base, P));
    Ok(())
}

fn content_size_of_a_register_is_a_number(env: &mut Env<'_>) -> Outcome {
    let (resource, base) = ok!(registers(env));
    let vmo = ok!(env.create_physical(resource, base, P));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P));
    let register = abi::VirtAddr(at.0 + 4);
    env.system.store32(register, 0x55);
    ok!(env.set_content_size(vmo, 0));
    same!(env.system.load32(register), 0x55);
    ok!(env.set_content_size(vmo, P));
    same!(env.system.load32(register), 0x55);
    Ok(())
}
