//! Resources: minting, reservations, and what consumers make of them.

use alloc::vec::Vec;

use abi::layout::AbiStruct;
use abi::object::{InfoResourceGroup, info, resource_group};
use abi::resource::{FLAG_EXCLUSIVE, Kind, system};
use abi::{Handle, ObjectType, Rights, Sysno};

use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "RES-001" info_is_as_given "info tells kind, flags, base, size and name as given";
    "RES-002" other_kind_children "a parent mints no child of another kind, and nobody a root";
    "RES-004" overflowing_base "a range that wraps is refused";
    "RES-005" overflowing_size "a size that wraps is refused";
    "RES-007" exclusive_blocks_shared "a range held exclusively is not to be found";
    "RES-008" shared_blocks_exclusive "a range that is shared is not to be had exclusively";
    "RES-010" shared_overlap "shared resources may overlap";
    "RES-011" child_of_other_kind "a child of another kind is denied";
    "RES-013" child_too_large "a child beyond its parent is denied";
    "RES-014" shared_child_of_exclusive "an exclusive parent has no children";
    "RES-016" exclusive_child_of_exclusive "an exclusive parent has no exclusive children either";
    "RES-017" identical_child "a shared parent mints a child of its own range";
    "RES-019" ranged_root_own_kind "a ranged root mints its own kind only";
    "RES-020" parent_needs_write "minting needs WRITE on the parent";
    "RES-022" range_before_parent "a range that wraps is refused before the parent is looked at";
    "RES-023" bad_name "a name that cannot be read is refused";
    "RES-025" info_needs_inspect "info needs INSPECT";
    "RES-028" exclusive_then_shared "what is held exclusively is free again when it is closed";
    "RES-029" shared_then_exclusive "what was shared may be held exclusively when all shares are closed";
    "RES-032" consumer_checks_kind "a consumer takes a ranged root of its kind and no other";
    "RES-034" strict_and_not "minting is exact to the byte where mapping goes by pages";
    "RES-035" elsewhere "a resource grants nothing elsewhere";
    "RES-J01" rights "a resource has its default rights and type";
    "RES-J02" names "a name is cut to 31 bytes and may be empty";
    "RES-J03" unknown_kinds "unknown kinds and flags are refused after the parent is looked at";
    "RES-J04" parent_in_order "a bad parent, a wrong type and a missing right, in this order";
    "RES-J05" bad_output "a resource whose handle cannot be written reserves nothing";
    "RES-J06" supply_reserves_nothing "a window's own resource does not stand against an exclusive one";
    "RES-J07" empty_resource "a size of 0 makes no resource but a ranged root's, and nobody makes those";
    "RES-J08" sub_page_neighbours "two exclusive resources may share a page but no byte";
    "RES-J09" exclusive_child "a shared parent mints no exclusive child";
    "RES-J10" duplicates_keep_the_range "a reservation lasts as long as the last handle";
    "RES-J11" interrupts "an interrupt's resource is one vector wide";
    "RES-J12" roots_are_ranged "a ranged root's info has base 0 and size 0";
    "RES-J13" group_is_told "a resource tells which windows are in its page group";
    "RES-J14" no_half_group "nothing is exclusive over half a page group";
    "RES-J15" group_is_one "in a page group an exclusive resource has the pages, not its bytes alone";
    "RES-J16" no_group "a resource of one device, of another kind or of everything is in no page group";
    "RES-J18" every_kind "the rules are the same for interrupts, secure calls and the kernel's services";
    "RES-J17" group_buffers "the windows of a page group are a list: as long as its buffer, with their number";
    "RES-J19" numbers "no resource is of a number that its kind does not have";
}

const SHARED: u32 = 0;

fn base(env: &Env<'_>) -> u64 {
    env.flash().base().0
}

/// A resource from the ranged root of MMIO, `offset` bytes into flash.
fn mint(env: &mut Env<'_>, flags: u32, offset: u64, size: u64) -> Result<Handle> {
    let at = base(env) + offset;
    env.resource_create(env.world.mmio_root, flags, at, size, b"minted")
}

/// The resource for one of the kernel's services.
pub(crate) fn unit(env: &mut Env<'_>, service: u64) -> Result<Handle> {
    env.resource_create(env.world.system_root, Kind::System as u32, service, 1, b"service")
}

/// A call that needs the resource for DEBUG, and is strict about it.
fn asks(env: &mut Env<'_>, resource: Handle) -> Result {
    let (at, out) = (env.own().0, env.out(0));
    env.raw(Sysno::jacinth_translate, &[u64::from(resource), at, 0, out])
}

/// A child of `parent`, `offset` bytes into flash.
fn child(env: &mut Env<'_>, parent: Handle, flags: u32, offset: u64, size: u64) -> Result<Handle> {
    let at = base(env).wrapping_add(offset);
    env.resource_create(parent, flags, at, size, b"child")
}

fn info_is_as_given(env: &mut Env<'_>) -> Outcome {
    let at = base(env);
    let resource = ok!(env.resource_create(env.world.mmio_root, FLAG_EXCLUSIVE, at, 2 * P, b"mine"));
    let info = ok!(env.resource_info(resource));
    same!((info.kind, info.flags), (Kind::Mmio as u32, FLAG_EXCLUSIVE));
    same!((info.base, info.size), (at, 2 * P));
    same!(info.name[..5], *b"mine\0");
    Ok(())
}

fn other_kind_children(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(mint(env, SHARED, 0, P));
    refused!(child(env, parent, Kind::Irq as u32, 0, P), ACCESS_DENIED);
    refused!(child(env, parent, 3, 0, P), INVALID_ARGS);
    Ok(())
}

fn overflowing_base(env: &mut Env<'_>) -> Outcome {
    refused!(env.resource_create(env.world.mmio_root, SHARED, u64::MAX, 1024, b""), INVALID_ARGS);
    Ok(())
}

fn overflowing_size(env: &mut Env<'_>) -> Outcome {
    refused!(env.resource_create(env.world.mmio_root, SHARED, 1024, u64::MAX, b""), INVALID_ARGS);
    Ok(())
}

fn exclusive_blocks_shared(env: &mut Env<'_>) -> Outcome {
    ok!(mint(env, FLAG_EXCLUSIVE, 0, 2 * P));
    refused!(mint(env, SHARED, 0, 2 * P), NOT_FOUND);
    refused!(mint(env, SHARED, P, 2 * P), NOT_FOUND);
    refused!(mint(env, FLAG_EXCLUSIVE, P, 1), NOT_FOUND);
    ok!(mint(env, SHARED, 2 * P, P));
    Ok(())
}

fn shared_blocks_exclusive(env: &mut Env<'_>) -> Outcome {
    ok!(mint(env, SHARED, 0, 2 * P));
    refused!(mint(env, FLAG_EXCLUSIVE, 0, 2 * P), NOT_FOUND);
    refused!(mint(env, FLAG_EXCLUSIVE, P, P), NOT_FOUND);
    ok!(mint(env, FLAG_EXCLUSIVE, 2 * P, P));
    Ok(())
}

fn shared_overlap(env: &mut Env<'_>) -> Outcome {
    ok!(mint(env, SHARED, 0, 2 * P));
    ok!(mint(env, SHARED, P, 2 * P));
    ok!(mint(env, SHARED, 0, 2 * P));
    Ok(())
}

fn child_of_other_kind(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(mint(env, SHARED, 0, P));
    for kind in [Kind::Irq, Kind::Smc, Kind::System] {
        refused!(child(env, parent, kind as u32, 0, P), ACCESS_DENIED);
    }
    Ok(())
}

fn child_too_large(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(mint(env, SHARED, P, P));
    refused!(child(env, parent, SHARED, P, P + 34), ACCESS_DENIED);
    refused!(child(env, parent, SHARED, P, P + 1), ACCESS_DENIED);
    refused!(child(env, parent, SHARED, P - 1, P), ACCESS_DENIED);
    refused!(child(env, parent, SHARED, 0, P), ACCESS_DENIED);
    ok!(child(env, parent, SHARED, P + 34, P - 34));
    Ok(())
}

fn shared_child_of_exclusive(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(mint(env, FLAG_EXCLUSIVE, 0, P));
    refused!(child(env, parent, SHARED, 0, P), INVALID_ARGS);
    Ok(())
}

fn exclusive_child_of_exclusive(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(mint(env, FLAG_EXCLUSIVE, 0, P));
    refused!(child(env, parent, FLAG_EXCLUSIVE, 0, P), INVALID_ARGS);
    Ok(())
}

fn identical_child(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(mint(env, SHARED, 0, P));
    let same = ok!(child(env, parent, SHARED, 0, P));
    ok!(child(env, same, SHARED, 16, 16));
    Ok(())
}

fn ranged_root_own_kind(env: &mut Env<'_>) -> Outcome {
    ok!(mint(env, SHARED, 0, P));
    refused!(child(env, env.world.mmio_root, Kind::System as u32, 0, 1), ACCESS_DENIED);
    refused!(child(env, env.world.irq_root, SHARED, 0, P), ACCESS_DENIED);
    refused!(child(env, env.world.system_root, SHARED, 0, P), ACCESS_DENIED);
    Ok(())
}

fn parent_needs_write(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(mint(env, SHARED, 0, P));
    let poor = ok!(env.duplicate(parent, Rights::DEFAULT_RESOURCE - Rights::WRITE));
    refused!(child(env, poor, SHARED, 0, P), ACCESS_DENIED);
    // The right comes before the kind.
    refused!(child(env, poor, 3, 0, P), ACCESS_DENIED);
    Ok(())
}

fn range_before_parent(env: &mut Env<'_>) -> Outcome {
    refused!(env.resource_create(0, SHARED, u64::MAX, 2, b""), INVALID_ARGS);
    Ok(())
}

fn bad_name(env: &mut Env<'_>) -> Outcome {
    let (root, at, out) = (u64::from(env.world.mmio_root), base(env), env.own().0);
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::resource_create, &[root, 0, at, P, pointer, 4, out]), INVALID_ARGS);
    }
    // The grant is looked at before the name.
    let ram = env.world.ram.base().0;
    refused!(env.raw(Sysno::resource_create, &[root, 0, ram, P, 0, 4, out]), ACCESS_DENIED);
    Ok(())
}

fn info_needs_inspect(env: &mut Env<'_>) -> Outcome {
    let resource = ok!(mint(env, SHARED, 0, P));
    let poor = ok!(env.duplicate(resource, Rights::DEFAULT_RESOURCE - Rights::INSPECT));
    refused!(env.resource_info(poor), ACCESS_DENIED);
    let (channel, _) = ok!(env.channel());
    refused!(env.resource_info(channel), WRONG_TYPE);
    refused!(env.resource_info(0), BAD_HANDLE);
    Ok(())
}

fn exclusive_then_shared(env: &mut Env<'_>) -> Outcome {
    let none = env.system.object_count();
    let alone = ok!(mint(env, FLAG_EXCLUSIVE, 0, P));
    same!(env.system.object_count(), none.map(|count| count + 1));
    refused!(mint(env, SHARED, 0, P), NOT_FOUND);
    // Who was refused is in no list.
    same!(env.system.object_count(), none.map(|count| count + 1));
    ok!(env.close(alone));
    ok!(mint(env, SHARED, 0, P));
    Ok(())
}

fn shared_then_exclusive(env: &mut Env<'_>) -> Outcome {
    let none = env.system.object_count();
    let first = ok!(mint(env, SHARED, 0, P));
    refused!(mint(env, FLAG_EXCLUSIVE, 0, P), NOT_FOUND);
    same!(env.system.object_count(), none.map(|count| count + 1));
    let second = ok!(mint(env, SHARED, 0, P));
    refused!(mint(env, FLAG_EXCLUSIVE, 0, P), NOT_FOUND);
    ok!(env.close(first));
    refused!(mint(env, FLAG_EXCLUSIVE, 0, P), NOT_FOUND);
    ok!(env.close(second));
    ok!(mint(env, FLAG_EXCLUSIVE, 0, P));
    Ok(())
}

fn consumer_checks_kind(env: &mut Env<'_>) -> Outcome {
    let at = base(env);
    ok!(env.create_physical(env.world.mmio_root, at, P));
    refused!(env.create_physical(env.world.irq_root, at, P), WRONG_TYPE);
    Ok(())
}

fn strict_and_not(env: &mut Env<'_>) -> Outcome {
    let at = base(env);
    let half = ok!(mint(env, SHARED, 0, P / 2));
    ok!(env.create_physical(half, at, P));
    refused!(child(env, half, SHARED, 0, P), ACCESS_DENIED);
    ok!(child(env, half, SHARED, 0, P / 2));
    // What is no memory has no pages: there a resource holds the unit, or does not.
    let debug = ok!(unit(env, system::DEBUG));
    ok!(asks(env, debug));
    let before = ok!(unit(env, system::DEBUG - 1));
    refused!(asks(env, before), OUT_OF_RANGE);
    Ok(())
}

fn elsewhere(env: &mut Env<'_>) -> Outcome {
    let resource = ok!(mint(env, SHARED, 0, P));
    refused!(env.create_physical(resource, env.world.registers.base().0, P), ACCESS_DENIED);
    refused!(child(env, resource, SHARED, 8 * P, P), ACCESS_DENIED);
    for other in [system::HYPERVISOR, system::VMEX, system::INFO, system::COUNT - 1] {
        let service = ok!(unit(env, other));
        refused!(asks(env, service), OUT_OF_RANGE);
    }
    refused!(asks(env, resource), WRONG_TYPE);
    Ok(())
}

fn rights(env: &mut Env<'_>) -> Outcome {
    let resource = ok!(mint(env, SHARED, 0, P));
    let basic = ok!(env.basic(resource));
    same!(basic.rights, Rights::DEFAULT_RESOURCE.0);
    same!(basic.object_type, ObjectType::Resource as u32);
    same!(basic.related_koid, 0);
    Ok(())
}

fn names(env: &mut Env<'_>) -> Outcome {
    let (root, at) = (env.world.mmio_root, base(env));
    let long = ok!(env.resource_create(root, SHARED, at, P, &[b'n'; 50]));
    let info = ok!(env.resource_info(long));
    same!(info.name[..], [[b'n'; 31].as_slice(), &[0]].concat()[..]);
    refused!(env.set_name(long, b"another"), ACCESS_DENIED);
    let none = ok!(env.resource_create(root, SHARED, at, P, b""));
    same!(ok!(env.resource_info(none)).name, [0; 32]);
    // A length of 0 reads nothing: the pointer may be anything.
    let out = env.own().0;
    ok!(env.raw(Sysno::resource_create, &[u64::from(root), 0, at, P, 0, 0, out]));
    let handle = env.peek_u64(env.own()) as Handle;
    env.adopt(handle);
    Ok(())
}

fn unknown_kinds(env: &mut Env<'_>) -> Outcome {
    for options in [3, 6, 0xFFFF, 0x2_0000, 0x8000_0000, FLAG_EXCLUSIVE | 3] {
        refused!(mint(env, options, 0, P), INVALID_ARGS);
    }
    refused!(env.resource_create(0, 6, 0, P, b""), BAD_HANDLE);
    Ok(())
}

fn parent_in_order(env: &mut Env<'_>) -> Outcome {
    let (channel, _) = ok!(env.channel());
    let bare = ok!(env.duplicate(env.world.job, Rights::NONE));
    refused!(child(env, 0, SHARED, 0, P), BAD_HANDLE);
    refused!(child(env, channel, SHARED, 0, P), WRONG_TYPE);
    refused!(child(env, bare, SHARED, 0, P), WRONG_TYPE);
    Ok(())
}

fn bad_output(env: &mut Env<'_>) -> Outcome {
    let (root, at, name) = (u64::from(env.world.mmio_root), base(env), env.own().0);
    for pointer in env.bad_pointers() {
        let args = [root, u64::from(FLAG_EXCLUSIVE), at, P, name, 1, pointer];
        refused!(env.raw(Sysno::resource_create, &args), INVALID_ARGS);
    }
    ok!(mint(env, FLAG_EXCLUSIVE, 0, P));
    Ok(())
}

fn supply_reserves_nothing(env: &mut Env<'_>) -> Outcome {
    let window = env.world.registers;
    let root = env.world.mmio_root;
    ok!(env.resource_create(root, FLAG_EXCLUSIVE, window.base().0, window.size(), b"exclusive"));
    Ok(())
}

fn empty_resource(env: &mut Env<'_>) -> Outcome {
    refused!(mint(env, SHARED, 0, 0), INVALID_ARGS);
    let parent = ok!(mint(env, SHARED, 0, P));
    refused!(child(env, parent, SHARED, 0, 0), ACCESS_DENIED);
    refused!(env.resource_create(env.world.mmio_root, SHARED, 0, 0, b"root"), INVALID_ARGS);
    Ok(())
}

fn sub_page_neighbours(env: &mut Env<'_>) -> Outcome {
    ok!(mint(env, FLAG_EXCLUSIVE, 0, 0x200));
    ok!(mint(env, FLAG_EXCLUSIVE, 0x200, 0x200));
    refused!(mint(env, FLAG_EXCLUSIVE, 0x3FF, 0x200), NOT_FOUND);
    Ok(())
}

fn exclusive_child(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(mint(env, SHARED, 0, P));
    refused!(child(env, parent, FLAG_EXCLUSIVE, 0, P), INVALID_ARGS);
    Ok(())
}

fn duplicates_keep_the_range(env: &mut Env<'_>) -> Outcome {
    let first = ok!(mint(env, FLAG_EXCLUSIVE, 0, P));
    let second = ok!(env.duplicate(first, Rights::SAME_RIGHTS));
    ok!(env.close(first));
    refused!(mint(env, SHARED, 0, P), NOT_FOUND);
    ok!(env.close(second));
    ok!(mint(env, SHARED, 0, P));
    Ok(())
}

fn interrupts(env: &mut Env<'_>) -> Outcome {
    let root = env.world.irq_root;
    let irq = ok!(env.resource_create(root, Kind::Irq as u32, 40, 1, b"irq"));
    let info = ok!(env.resource_info(irq));
    same!((info.kind, info.base, info.size), (Kind::Irq as u32, 40, 1));
    refused!(env.resource_create(irq, Kind::Irq as u32, 41, 1, b"next"), ACCESS_DENIED);
    Ok(())
}

fn roots_are_ranged(env: &mut Env<'_>) -> Outcome {
    let roots = [
        (env.world.mmio_root, Kind::Mmio),
        (env.world.irq_root, Kind::Irq),
        (env.world.system_root, Kind::System),
    ];
    for (root, kind) in roots {
        let info = ok!(env.resource_info(root));
        same!((info.kind, info.flags, info.base, info.size), (kind as u32, 0, 0, 0));
    }
    // The name is in the info record: the handle's rights do not let it be read as a property.
    refused!(env.name(env.world.mmio_root), ACCESS_DENIED);
    let value = env.own().0;
    let args = [u64::from(env.world.mmio_root), u64::from(info::VMO), value, 512];
    refused!(env.raw(Sysno::object_get_info, &args), WRONG_TYPE);
    Ok(())
}

fn every_kind(env: &mut Env<'_>) -> Outcome {
    let world = env.world;
    let roots = [(world.irq_root, Kind::Irq), (world.smc_root, Kind::Smc), (world.system_root, Kind::System)];
    for (root, kind) in roots {
        let own = kind as u32;
        let info = ok!(env.resource_info(root));
        same!((info.kind, info.base, info.size), (own, 0, 0));
        let parent = ok!(env.resource_create(root, own, 4, 8, b"shared"));
        let info = ok!(env.resource_info(parent));
        same!((info.kind, info.flags, info.base, info.size), (own, 0, 4, 8));
        ok!(env.resource_create(parent, own, 11, 1, b"last"));
        refused!(env.resource_create(parent, own, 11, 2, b"beyond"), ACCESS_DENIED);
        refused!(env.resource_create(parent, own | FLAG_EXCLUSIVE, 4, 1, b"child"), INVALID_ARGS);
        refused!(env.resource_create(root, own | FLAG_EXCLUSIVE, 11, 1, b"taken"), NOT_FOUND);
        let alone = ok!(env.resource_create(root, own | FLAG_EXCLUSIVE, 12, 2, b"alone"));
        refused!(env.resource_create(root, own, 13, 3, b"shared"), NOT_FOUND);
        ok!(env.close(alone));
        ok!(env.resource_create(root, own, 13, 3, b"shared"));
        for (other, _) in roots.into_iter().filter(|(other, _)| *other != root) {
            refused!(env.resource_create(other, own, 4, 1, b"kind"), ACCESS_DENIED);
        }
        refused!(env.create_physical(parent, 4, P), WRONG_TYPE);
    }
    // Numbers are no addresses: what is RAM to MMIO means nothing here.
    let ram = world.ram.base().0 & 0xFFFF_FFFF;
    ok!(env.resource_create(world.smc_root, Kind::Smc as u32, ram, 1, b"number"));
    Ok(())
}

const SIZE: u64 = InfoResourceGroup::SIZE as u64;

/// `zx_object_get_info` of a resource's page group: what fits into so many bytes, and how many there are.
fn sharers(env: &mut Env<'_>, resource: Handle, room: u64) -> Result<(Vec<InfoResourceGroup>, u64)> {
    let buffer = env.data(&[0xEE; 4096]);
    let (actual, avail) = (env.out(1), env.out(2));
    let args = [u64::from(resource), u64::from(info::RESOURCE_GROUP), buffer, room, actual, avail];
    env.raw(Sysno::object_get_info, &args)?;
    let bytes = env.data_bytes(4096);
    let count = env.out_u64(1) as usize;
    let records = bytes.chunks_exact(InfoResourceGroup::SIZE).take(count).map(InfoResourceGroup::get);
    Ok((records.collect(), env.out_u64(2)))
}

/// The first byte and the size of what the windows of a list take up together.
fn hull(windows: &[InfoResourceGroup]) -> (u64, u64) {
    let base = windows.iter().map(|window| window.base).min().unwrap_or(0);
    let end = windows.iter().map(|window| window.base + window.size).max().unwrap_or(0);
    (base, end - base)
}

fn group_is_told(env: &mut Env<'_>) -> Outcome {
    let [first, second] = env.world.group;
    let resource = ok!(env.mmio(first));
    let (told, avail) = ok!(sharers(env, resource, 4096));
    same!(told.len() as u64, avail);
    truth!(told.is_sorted_by_key(|window| window.base));
    let own = told.iter().find(|it| (it.base, it.size) == (first.base().0, first.size()));
    let other = told.iter().find(|it| (it.base, it.size) == (second.base().0, second.size()));
    same!(own.map(|it| it.flags), Some(resource_group::HELD | resource_group::SEEN));
    same!(other.map(|it| it.flags), Some(resource_group::SEEN));
    truth!(
        own.map(|it| it.group) == other.map(|it| it.group)
            && own.map(|it| it.window) != other.map(|it| it.window)
    );
    truth!(told.iter().all(|it| it.reserved == 0));
    // Whose bytes they are does not matter: a hole of the page is as near to all of them, and so is the page.
    let page = ok!(env.resource_create(env.world.mmio_root, SHARED, first.base().page_down().0, P, b"page"));
    let (whole, _) = ok!(sharers(env, page, 4096));
    same!(
        whole.iter().map(|it| it.window).collect::<Vec<_>>(),
        told.iter().map(|it| it.window).collect::<Vec<_>>()
    );
    let blind = ok!(env.duplicate(resource, Rights::DEFAULT_RESOURCE - Rights::INSPECT));
    refused!(sharers(env, blind, 4096), ACCESS_DENIED);
    refused!(sharers(env, env.world.job, 4096), WRONG_TYPE);
    refused!(sharers(env, 0, 4096), BAD_HANDLE);
    Ok(())
}

fn no_half_group(env: &mut Env<'_>) -> Outcome {
    let root = env.world.mmio_root;
    let first = env.world.group[0];
    let resource = ok!(env.mmio(first));
    let (told, _) = ok!(sharers(env, resource, 4096));
    ok!(env.close(resource));
    let (base, size) = hull(&told);
    for window in &told {
        refused!(env.resource_create(root, FLAG_EXCLUSIVE, window.base, window.size, b"half"), ACCESS_DENIED);
        refused!(env.resource_create(root, FLAG_EXCLUSIVE, window.base, 1, b"byte"), ACCESS_DENIED);
        ok!(env.resource_create(root, SHARED, window.base, window.size, b"shared"));
    }
    refused!(env.resource_create(root, FLAG_EXCLUSIVE, base, size - 1, b"all but a byte"), ACCESS_DENIED);
    refused!(env.resource_create(root, FLAG_EXCLUSIVE, base + 1, size - 1, b"all but a byte"), ACCESS_DENIED);
    // From below nothing is exclusive at all.
    let page = ok!(env.resource_create(root, SHARED, base & !(P - 1), P, b"page"));
    refused!(env.resource_create(page, FLAG_EXCLUSIVE, first.base().0, first.size(), b"half"), INVALID_ARGS);
    refused!(env.resource_create(page, FLAG_EXCLUSIVE, base, size, b"whole"), INVALID_ARGS);
    // The name is not looked at before.
    let (flags, out) = (u64::from(FLAG_EXCLUSIVE), env.own().0);
    let args = [u64::from(root), flags, first.base().0, first.size(), 0, 4, out];
    refused!(env.raw(Sysno::resource_create, &args), ACCESS_DENIED);
    Ok(())
}

fn group_is_one(env: &mut Env<'_>) -> Outcome {
    let root = env.world.mmio_root;
    let first = env.world.group[0];
    let resource = ok!(env.mmio(first));
    let (told, _) = ok!(sharers(env, resource, 4096));
    let (base, size) = hull(&told);
    refused!(env.resource_create(root, FLAG_EXCLUSIVE, base, size, b"alone"), NOT_FOUND);
    ok!(env.close(resource));
    let alone = ok!(env.resource_create(root, FLAG_EXCLUSIVE, base, size, b"alone"));
    ok!(env.create_physical(alone, base & !(P - 1), P));
    refused!(env.mmio(first), NOT_FOUND);
    // A byte of the page beside all windows would have shown them all.
    let page = base & !(P - 1);
    for at in [page, page + P - 1] {
        refused!(env.resource_create(root, SHARED, at, 1, b"edge"), NOT_FOUND);
    }
    ok!(env.close(alone));
    ok!(env.resource_create(root, SHARED, page + P - 1, 1, b"edge"));
    refused!(env.resource_create(root, FLAG_EXCLUSIVE, base, size, b"alone"), NOT_FOUND);
    Ok(())
}

fn no_group(env: &mut Env<'_>) -> Outcome {
    let window = env.world.registers;
    let single = ok!(env.mmio(window));
    let irq = ok!(env.resource_create(env.world.irq_root, Kind::Irq as u32, 40, 1, b"irq"));
    for resource in [single, irq, env.world.mmio_root, env.world.irq_root, env.world.system_root] {
        same!(ok!(sharers(env, resource, 4096)), (Vec::new(), 0));
    }
    Ok(())
}

fn group_buffers(env: &mut Env<'_>) -> Outcome {
    let resource = ok!(env.mmio(env.world.group[0]));
    let (all, count) = ok!(sharers(env, resource, 4096));
    for room in [0, 1, SIZE - 1, SIZE, 2 * SIZE - 1, count * SIZE - 1, count * SIZE] {
        let (some, avail) = ok!(sharers(env, resource, room));
        same!(some.len() as u64, (room / SIZE).min(count));
        truth!(all.starts_with(&some) && avail == count);
    }
    for pointer in env.bad_pointers() {
        let topic = u64::from(info::RESOURCE_GROUP);
        refused!(env.raw(Sysno::object_get_info, &[u64::from(resource), topic, pointer, 64]), INVALID_ARGS);
    }
    Ok(())
}

/// How many numbers a kind has, as far as a test may know.
fn ends_of_numbers(env: &Env<'_>) -> [(Handle, Kind, u64); 4] {
    let world = env.world;
    [
        (world.mmio_root, Kind::Mmio, 1 << 52),
        (world.irq_root, Kind::Irq, 1 << 24),
        (world.smc_root, Kind::Smc, 1 << 32),
        (world.system_root, Kind::System, system::COUNT),
    ]
}

fn numbers(env: &mut Env<'_>) -> Outcome {
    for (root, kind, end) in ends_of_numbers(env) {
        let kind = kind as u32;
        for options in [kind, kind | FLAG_EXCLUSIVE] {
            refused!(env.resource_create(root, options, end, 1, b"beyond"), NOT_FOUND);
            refused!(env.resource_create(root, options, end - 1, 2, b"across"), NOT_FOUND);
            refused!(env.resource_create(root, options, 1 << 62, 1, b"far"), NOT_FOUND);
        }
    }
    let last = system::COUNT - 1;
    ok!(env.resource_create(env.world.system_root, Kind::System as u32, last, 1, b"last"));
    Ok(())
}
