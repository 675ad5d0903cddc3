//! What is told of memory, of address spaces and of handles.

use alloc::vec;
use alloc::vec::Vec;

use abi::layout::AbiStruct;
use abi::object::{
    INFO_MAPS_V1_SIZE, INFO_TASK_STATS_V1_SIZE, INFO_VMO_SIZES, InfoHandleExtended, InfoKmemStats,
    InfoKmemStatsV1, InfoMaps, InfoMapsV2, InfoProcessHandleStats, InfoTaskStats, InfoVmo, info, maps_type,
    vmo_flags,
};
use abi::resource::system;
use abi::vmar::{CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, PERM_READ, PERM_WRITE, RangeOp, SPECIFIC};
use abi::{Handle, Koid, ObjectType, Rights, Status, Sysno, VirtAddr};

use crate::agent::{Arg, Step};
use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::resources::unit;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "INF-J10" maps_of_a_process "a process's map is its regions and mappings, depth first, by address";
    "INF-J11" maps_versions "a map's older versions count pages";
    "INF-J12" maps_of_the_dead "of a process that has ended there is no map, no list of VMOs and no sum";
    "INF-J13" half_a_buffer "a list whose buffer ends in nothing fails, and says how much it had written";
    "INF-J14" maps_of_a_region "a region's map begins with it and ends with it";
    "INF-J15" vmos_of_a_process "a process's VMOs are those it has handles to, then those it maps";
    "INF-J16" handle_table "a process's handles are listed with values, rights and ids";
    "INF-J17" handle_stats "handles are counted by type";
    "INF-J18" kmem_stats "memory that is committed is a VMO's, and all of it adds up";
    "INF-J19" kmem_needs_info "only SYSTEM/INFO tells what memory is used for";
    "INF-J20" task_stats "a process's memory is private or shared by who else maps it";
    "INF-J21" many_maps "a map of hundreds is whole";
    "INF-J22" memory_topics_refuse "each topic of memory is for its type, and needs its right";
    "INF-J23" small_records "a record that does not fit is not written, and there is one";
    "INF-J24" vmo_versions "a VMO's record is as long as its version";
    "INF-J25" far_slices "a slice that is mapped far beyond its end is listed like any other mapping";
}

const READ_WRITE: u32 = PERM_READ | PERM_WRITE;

/// `zx_object_get_info` of a list in a buffer of so many bytes: the bytes, how many records and of how many.
fn raw_list(env: &mut Env<'_>, handle: Handle, topic: u32, room: usize) -> Result<(Vec<u8>, u64, u64)> {
    let buffer = env.data(&[]);
    let (actual, avail) = (env.out(1), env.out(2));
    let args = [u64::from(handle), u64::from(topic), buffer, room as u64, actual, avail];
    env.raw(Sysno::object_get_info, &args)?;
    let counts = (env.out_u64(1), env.out_u64(2));
    Ok((env.data_bytes(room), counts.0, counts.1))
}

/// All records of a list.
fn list<T: AbiStruct>(env: &mut Env<'_>, handle: Handle, topic: u32) -> Result<Vec<T>> {
    let (bytes, actual, avail) = raw_list(env, handle, topic, 0xE000)?;
    if actual != avail {
        return Err(Status::BUFFER_TOO_SMALL);
    }
    Ok(bytes.chunks_exact(T::SIZE).take(actual as usize).map(T::get).collect())
}

fn koid(env: &mut Env<'_>, handle: Handle) -> Result<Koid> {
    Ok(env.basic(handle)?.koid)
}

fn region(env: &mut Env<'_>, parent: Handle, offset: u64, size: u64) -> Result<(Handle, u64)> {
    let (out, address) = (env.out(0), env.out(1));
    let options = CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_SPECIFIC | SPECIFIC;
    let args = [u64::from(parent), u64::from(options), offset, size, out, address];
    env.raw(Sysno::vmar_allocate, &args)?;
    let handle = env.out_u32(0);
    env.adopt(handle);
    Ok((handle, env.out_u64(1)))
}

/// A VMO of so many pages, named, of which the first `committed` have been written.
fn named(env: &mut Env<'_>, name: &[u8], pages: u64, committed: u64) -> Result<Handle> {
    let vmo = env.vmo_create(pages * P, 0)?;
    env.set_name(vmo, name)?;
    for page in 0..committed {
        env.vmo_write(vmo, page * P, b"x")?;
    }
    Ok(vmo)
}

fn text(name: &[u8; 32]) -> &[u8] {
    name.split(|&byte| byte == 0).next().unwrap_or(name)
}

/// A process with a mapping, a region with two mappings and a region in it, and a mapping behind.
fn furnished(env: &mut Env<'_>) -> Result<(Handle, u64, Handle)> {
    let (process, root) = env.process_create(b"furnished")?;
    let base = env.vmar_info(root)?.base;
    let vmo = named(env, b"first", 4, 3)?;
    let at = |offset| offset * P;
    env.vmar_map(root, READ_WRITE | SPECIFIC, at(16), vmo, 0, 4 * P)?;
    let (outer, _) = region(env, root, at(32), 32 * P)?;
    env.vmar_map(outer, PERM_READ | SPECIFIC, at(1), vmo, 2 * P, 2 * P)?;
    let (inner, _) = region(env, outer, at(8), 8 * P)?;
    env.vmar_map(inner, READ_WRITE | SPECIFIC, at(2), vmo, 0, P)?;
    env.vmar_map(outer, READ_WRITE | SPECIFIC, at(20), vmo, P, 2 * P)?;
    env.vmar_map(root, READ_WRITE | SPECIFIC, at(80), vmo, 0, 8 * P)?;
    Ok((process, base, vmo))
}

fn maps_of_a_process(env: &mut Env<'_>) -> Outcome {
    let (process, base, vmo) = ok!(furnished(env));
    let koid = ok!(koid(env, vmo));
    let maps: Vec<InfoMaps> = ok!(list(env, process, info::PROCESS_MAPS));
    let places: Vec<_> = maps
        .iter()
        .map(|map| (map.maps_type, map.depth, map.base.wrapping_sub(base) / P, map.size / P))
        .collect();
    let all = ok!(env.basic(process)).koid;
    truth!(all > 0);
    let (space, mapping, vmar) = (maps_type::ASPACE, maps_type::MAPPING, maps_type::VMAR);
    let whole = maps.first().map_or(0, |map| map.size / P);
    same!(
        places,
        [
            (space, 0, 0, whole),
            (vmar, 1, 0, whole),
            (mapping, 2, 16, 4),
            (vmar, 2, 32, 32),
            (mapping, 3, 33, 2),
            (vmar, 3, 40, 8),
            (mapping, 4, 42, 1),
            (mapping, 3, 52, 2),
            (mapping, 2, 80, 8),
        ]
    );
    let shown: Vec<_> = maps
        .iter()
        .filter(|map| map.maps_type == mapping)
        .map(|map| (map.mmu_flags, map.vmo_koid, map.vmo_offset / P, map.committed_bytes / P))
        .collect();
    same!(
        shown,
        [
            (READ_WRITE, koid, 0, 3),
            (PERM_READ, koid, 2, 1),
            (READ_WRITE, koid, 0, 1),
            (READ_WRITE, koid, 1, 2),
            (READ_WRITE, koid, 0, 3),
        ]
    );
    let names: Vec<_> = maps.iter().map(|map| text(&map.name)).collect();
    same!(names.get(..4), Some([b"furnished".as_slice(), b"root", b"first", b""].as_slice()));
    for map in &maps {
        same!((map.padding1, map.padding2), (0, 0));
        same!((map.populated_bytes, map.committed_private_bytes), (map.committed_bytes, map.committed_bytes));
        truth!(map.maps_type == mapping || (map.mmu_flags, map.vmo_koid, map.committed_bytes) == (0, 0, 0));
    }
    // One's own map works as well, and finds this very stack of memory.
    let own: Vec<InfoMaps> = ok!(list(env, env.world.process, info::PROCESS_MAPS));
    let scratch = env.world.scratch.0;
    truth!(
        own.iter()
            .any(|map| map.maps_type == mapping && map.base <= scratch && scratch < map.base + map.size)
    );
    truth!(own.is_sorted_by_key(|map| (map.base, map.depth)));
    Ok(())
}

fn maps_versions(env: &mut Env<'_>) -> Outcome {
    let (process, ..) = ok!(furnished(env));
    let maps: Vec<InfoMaps> = ok!(list(env, process, info::PROCESS_MAPS));
    for (topic, size) in
        [(info::PROCESS_MAPS_V1, INFO_MAPS_V1_SIZE), (info::PROCESS_MAPS_V2, InfoMapsV2::SIZE)]
    {
        let (bytes, actual, avail) = ok!(raw_list(env, process, topic, 0x4000));
        same!((actual, avail), (maps.len() as u64, maps.len() as u64));
        for (record, map) in bytes.chunks_exact(size).zip(&maps) {
            let record = InfoMapsV2::get(record);
            let expected = InfoMapsV2 {
                name: map.name,
                base: map.base,
                size: map.size,
                depth: map.depth,
                maps_type: map.maps_type,
                padding1: 0,
                mmu_flags: map.mmu_flags,
                padding2: 0,
                vmo_koid: map.vmo_koid,
                vmo_offset: map.vmo_offset,
                committed_pages: map.committed_bytes / P,
                populated_pages: if topic == info::PROCESS_MAPS_V1 { 0 } else { map.populated_bytes / P },
            };
            same!(record, expected);
        }
    }
    refused!(raw_list(env, process, 13 | 3 << 28, 0x4000), NOT_SUPPORTED);
    Ok(())
}

const OF_PROCESSES: [u32; 9] = [
    info::PROCESS_MAPS,
    info::PROCESS_MAPS_V1,
    info::PROCESS_MAPS_V2,
    info::PROCESS_VMOS,
    info::PROCESS_VMOS_V1,
    info::PROCESS_VMOS_V2,
    info::PROCESS_VMOS_V3,
    info::HANDLE_TABLE,
    info::TASK_STATS,
];

fn maps_of_the_dead(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"doomed"));
    ok!(env.set_script(&task, &[Step::call(Sysno::nanosleep, &[Arg::Is(abi::time::INFINITE as u64)])]));
    ok!(env.start_process(&task, 0));
    for topic in OF_PROCESSES {
        ok!(raw_list(env, task.process, topic, 0x4000));
    }
    ok!(env.raw(Sysno::task_kill, &[u64::from(task.process)]));
    ok!(env.wait_for_end(task.process));
    for topic in OF_PROCESSES {
        refused!(raw_list(env, task.process, topic, 0x4000), BAD_STATE);
    }
    refused!(raw_list(env, task.vmar, info::VMAR_MAPS, 0x4000), BAD_STATE);
    Ok(())
}

fn half_a_buffer(env: &mut Env<'_>) -> Outcome {
    let (process, ..) = ok!(furnished(env));
    let maps: Vec<InfoMaps> = ok!(list(env, process, info::PROCESS_MAPS));
    let vmo = ok!(env.vmo_create(P, 0));
    let at = ok!(env.map(vmo, READ_WRITE, 2 * P));
    // Behind the first page there is nothing: two records and a half fit before it.
    let (actual, avail) = (env.out(1), env.out(2));
    let size = InfoMaps::SIZE as u64;
    let start = at.0 + P - 2 * size - size / 2;
    let args =
        [u64::from(process), u64::from(info::PROCESS_MAPS), start, maps.len() as u64 * size, actual, avail];
    refused!(env.raw(Sysno::object_get_info, &args), INVALID_ARGS);
    same!((env.out_u64(1), env.out_u64(2)), (2, 2));
    let mut bytes = vec![0; 2 * InfoMaps::SIZE];
    env.system.peek(VirtAddr(start), &mut bytes);
    let written: Vec<InfoMaps> = bytes.chunks_exact(InfoMaps::SIZE).map(InfoMaps::get).collect();
    truth!(maps.starts_with(&written));
    // As many as fit, and no byte more.
    for room in [0, 1, size - 1, size, 3 * size + 7] {
        let (bytes, actual, avail) = ok!(raw_list(env, process, info::PROCESS_MAPS, room as usize));
        same!((actual, avail), (room / size, maps.len() as u64));
        let some: Vec<InfoMaps> =
            bytes.chunks_exact(InfoMaps::SIZE).take(actual as usize).map(InfoMaps::get).collect();
        truth!(maps.starts_with(&some));
    }
    Ok(())
}

fn maps_of_a_region(env: &mut Env<'_>) -> Outcome {
    let (_, root) = ok!(env.process_create(b"regions"));
    let vmo = ok!(named(env, b"shown", 1, 1));
    let (outer, base) = ok!(region(env, root, 16 * P, 16 * P));
    let (inner, _) = ok!(region(env, outer, 4 * P, 4 * P));
    ok!(env.vmar_map(inner, PERM_READ | SPECIFIC, P, vmo, 0, P));
    ok!(env.vmar_map(root, PERM_READ | SPECIFIC, 64 * P, vmo, 0, P));
    let places = |maps: Vec<InfoMaps>| -> Vec<_> {
        maps.iter().map(|map| (map.maps_type, map.depth, map.base - base, map.size)).collect()
    };
    let (mapping, vmar) = (maps_type::MAPPING, maps_type::VMAR);
    let maps = ok!(list(env, outer, info::VMAR_MAPS));
    same!(places(maps), [(vmar, 0, 0, 16 * P), (vmar, 1, 4 * P, 4 * P), (mapping, 2, 5 * P, P)]);
    let maps = ok!(list(env, inner, info::VMAR_MAPS));
    same!(places(maps), [(vmar, 0, 4 * P, 4 * P), (mapping, 1, 5 * P, P)]);
    let maps: Vec<InfoMaps> = ok!(list(env, root, info::VMAR_MAPS));
    same!(maps.len(), 5);
    ok!(env.raw(Sysno::vmar_destroy, &[u64::from(outer)]));
    refused!(raw_list(env, outer, info::VMAR_MAPS, 0x1000), BAD_STATE);
    refused!(raw_list(env, inner, info::VMAR_MAPS, 0x1000), BAD_STATE);
    Ok(())
}

fn vmos_of_a_process(env: &mut Env<'_>) -> Outcome {
    let (process, _, vmo) = ok!(furnished(env));
    let koid = ok!(koid(env, vmo));
    let vmos: Vec<InfoVmo> = ok!(list(env, process, info::PROCESS_VMOS));
    same!(vmos.len(), 5);
    for record in &vmos {
        same!((record.koid, record.handle_rights, record.num_mappings), (koid, 0, 5));
        same!(record.flags, vmo_flags::TYPE_PAGED | vmo_flags::VIA_MAPPING);
        same!((record.share_count, record.committed_bytes), (1, 3 * P));
    }
    // One's own: by handle first, each handle by itself.
    let poor = ok!(env.duplicate(vmo, Rights::READ));
    let own: Vec<InfoVmo> = ok!(list(env, env.world.process, info::PROCESS_VMOS));
    let rights: Vec<_> =
        own.iter().filter(|it| it.koid == koid).map(|it| (it.flags, it.handle_rights)).collect();
    let flags = vmo_flags::TYPE_PAGED | vmo_flags::VIA_HANDLE;
    truth!(rights.len() == 2 && rights.iter().all(|(found, _)| *found == flags));
    truth!(rights.iter().any(|(_, rights)| *rights == Rights::READ.0));
    truth!(rights.iter().any(|(_, rights)| *rights == Rights::DEFAULT_VMO.0));
    let via: Vec<_> =
        own.iter().map(|it| it.flags & (vmo_flags::VIA_HANDLE | vmo_flags::VIA_MAPPING)).collect();
    truth!(via.is_sorted() && via.contains(&vmo_flags::VIA_MAPPING));
    ok!(env.close(poor));
    // The older versions are the beginning of the record.
    let topics = [info::PROCESS_VMOS_V1, info::PROCESS_VMOS_V2, info::PROCESS_VMOS_V3, info::PROCESS_VMOS];
    for (topic, size) in topics.into_iter().zip(INFO_VMO_SIZES) {
        let (bytes, actual, avail) = ok!(raw_list(env, process, topic, 4 * size + size / 2));
        same!((actual, avail), (4, 5));
        for (record, whole) in bytes.chunks_exact(size).zip(&vmos) {
            let mut expected = [0; InfoVmo::SIZE];
            whole.put(&mut expected);
            same!(Some(record), expected.get(..size));
        }
    }
    Ok(())
}

fn handle_table(env: &mut Env<'_>) -> Outcome {
    let event = ok!(env.making(Sysno::event_create, &[0]));
    let poor = ok!(env.duplicate(event, Rights::WAIT));
    let koid = ok!(koid(env, event));
    let all: Vec<InfoHandleExtended> = ok!(list(env, env.world.process, info::HANDLE_TABLE));
    let own: Vec<_> = all.iter().filter(|it| it.koid == koid).collect();
    same!(own.len(), 2);
    for (handle, rights) in [(event, Rights::DEFAULT_EVENT), (poor, Rights::WAIT)] {
        let found = own.iter().find(|it| it.handle_value == handle);
        same!(found.map(|it| (it.object_type, it.rights)), Some((ObjectType::Event as u32, rights.0)));
    }
    truth!(all.iter().all(|it| (it.reserved, it.peer_owner_koid) == (0, 0)));
    let thread = ok!(env.basic(env.world.thread));
    let found = all.iter().find(|it| it.handle_value == env.world.thread);
    same!(found.map(|it| (it.koid, it.related_koid)), Some((thread.koid, thread.related_koid)));
    let (empty, _) = ok!(env.process_create(b"empty"));
    same!(ok!(raw_list(env, empty, info::HANDLE_TABLE, 64)).2, 0);
    for lacks in [Rights::INSPECT, Rights::MANAGE_PROCESS, Rights::MANAGE_THREAD] {
        let poor = ok!(env.duplicate(empty, Rights::DEFAULT_PROCESS - lacks));
        refused!(raw_list(env, poor, info::HANDLE_TABLE, 64), ACCESS_DENIED);
    }
    Ok(())
}

fn stats(env: &mut Env<'_>, process: Handle) -> Result<InfoProcessHandleStats> {
    env.info(process, info::PROCESS_HANDLE_STATS)
}

fn handle_stats(env: &mut Env<'_>) -> Outcome {
    let count = |stats: &InfoProcessHandleStats, kind: ObjectType| {
        stats.handle_count.get(kind as usize).copied().unwrap_or(0)
    };
    let (empty, _) = ok!(env.process_create(b"empty"));
    same!(ok!(stats(env, empty)).handle_count, [0; 64]);
    let before = ok!(stats(env, env.world.process));
    truth!(count(&before, ObjectType::Process) > 0 && count(&before, ObjectType::Vmo) > 0);
    for kind in [0, 7, 63] {
        same!(before.handle_count.get(kind), Some(&0));
    }
    let mut events = Vec::new();
    for _ in 0..70 {
        events.push(ok!(env.making(Sysno::event_create, &[0])));
    }
    let more = ok!(stats(env, env.world.process));
    same!(count(&more, ObjectType::Event), count(&before, ObjectType::Event) + 70);
    same!(count(&more, ObjectType::Vmo), count(&before, ObjectType::Vmo));
    let all: Vec<InfoHandleExtended> = ok!(list(env, env.world.process, info::HANDLE_TABLE));
    same!(more.handle_count.iter().sum::<u32>() as usize, all.len());
    for event in events {
        ok!(env.close(event));
    }
    same!(ok!(stats(env, env.world.process)), before);
    Ok(())
}

fn kmem(env: &mut Env<'_>) -> Result<InfoKmemStats> {
    env.info(env.world.system_root, info::KMEM_STATS)
}

fn kmem_stats(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(64 * P, 0));
    ok!(env.vmo_write(vmo, 63 * P, b"the way there"));
    let before = ok!(kmem(env));
    for page in 0..32 {
        ok!(env.vmo_write(vmo, page * P, b"x"));
    }
    let after = ok!(kmem(env));
    same!(after.total_bytes, before.total_bytes);
    same!(after.vmo_bytes, before.vmo_bytes + 32 * P);
    same!(after.free_bytes + 32 * P + (after.total_heap_bytes - before.total_heap_bytes), before.free_bytes);
    for it in [&before, &after] {
        let parts = [it.free_bytes, it.vmo_bytes, it.mmu_overhead_bytes, it.total_heap_bytes, it.wired_bytes];
        same!(parts.iter().sum::<u64>(), it.total_bytes);
        truth!(it.free_heap_bytes <= it.total_heap_bytes && it.mmu_overhead_bytes >= P && it.vmo_bytes > 0);
        let none = [
            it.free_loaned_bytes,
            it.ipc_bytes,
            it.cache_bytes,
            it.slab_bytes,
            it.zram_bytes,
            it.other_bytes,
        ];
        same!(none, [0; 6]);
    }
    let old: InfoKmemStatsV1 = ok!(env.info(env.world.system_root, info::KMEM_STATS_V1));
    same!((old.total_bytes, old.ipc_bytes, old.other_bytes), (after.total_bytes, 0, 0));
    let (process, root) = ok!(env.process_create(b"tables"));
    let made = ok!(kmem(env));
    truth!(made.mmu_overhead_bytes > after.mmu_overhead_bytes);
    ok!(env.close(process));
    ok!(env.close(root));
    Ok(())
}

fn kmem_needs_info(env: &mut Env<'_>) -> Outcome {
    let (right, wrong) = (ok!(unit(env, system::INFO)), ok!(unit(env, system::DEBUG)));
    for topic in [info::KMEM_STATS, info::KMEM_STATS_V1] {
        let bare = ok!(env.duplicate(right, Rights::NONE));
        ok!(raw_list(env, bare, topic, 256));
        refused!(raw_list(env, wrong, topic, 256), OUT_OF_RANGE);
        refused!(raw_list(env, env.world.mmio_root, topic, 256), WRONG_TYPE);
        refused!(raw_list(env, env.world.job, topic, 256), WRONG_TYPE);
        refused!(raw_list(env, 0, topic, 256), BAD_HANDLE);
    }
    Ok(())
}

fn task_stats(env: &mut Env<'_>) -> Outcome {
    let (process, root) = ok!(env.process_create(b"stats"));
    let none = InfoTaskStats {
        mem_mapped_bytes: 0,
        mem_private_bytes: 0,
        mem_shared_bytes: 0,
        mem_scaled_shared_bytes: 0,
        mem_fractional_scaled_shared_bytes: u64::MAX,
    };
    same!(ok!(env.info::<InfoTaskStats>(process, info::TASK_STATS)), none);
    let vmo = ok!(named(env, b"counted", 64, 40));
    ok!(env.vmar_map(root, PERM_READ, 0, vmo, 0, 64 * P));
    let alone = InfoTaskStats { mem_mapped_bytes: 64 * P, mem_private_bytes: 40 * P, ..none };
    same!(ok!(env.info::<InfoTaskStats>(process, info::TASK_STATS)), alone);
    // A second mapping counts again; one elsewhere makes it shared.
    let (nested, _) = ok!(region(env, root, 512 * P, 64 * P));
    ok!(env.vmar_map(nested, PERM_READ, 0, vmo, 2 * P, 30 * P));
    let twice = InfoTaskStats { mem_mapped_bytes: 94 * P, mem_private_bytes: 70 * P, ..none };
    same!(ok!(env.info::<InfoTaskStats>(process, info::TASK_STATS)), twice);
    ok!(env.map(vmo, PERM_READ, P));
    let shared = InfoTaskStats {
        mem_private_bytes: 0,
        mem_shared_bytes: 70 * P,
        mem_scaled_shared_bytes: 35 * P,
        ..twice
    };
    same!(ok!(env.info::<InfoTaskStats>(process, info::TASK_STATS)), shared);
    same!(ok!(env.vmo_info(vmo)).share_count, 2);
    let (bytes, ..) = ok!(raw_list(env, process, info::TASK_STATS_V1, INFO_TASK_STATS_V1_SIZE));
    let old = InfoTaskStats::get(&bytes);
    same!(old, InfoTaskStats { mem_fractional_scaled_shared_bytes: 0, ..shared });
    Ok(())
}

fn many_maps(env: &mut Env<'_>) -> Outcome {
    let (process, root) = ok!(env.process_create(b"many"));
    let vmo = ok!(named(env, b"page", 1, 1));
    for index in 0..300 {
        ok!(env.vmar_map(root, PERM_READ | SPECIFIC, 2 * index * P, vmo, 0, P));
    }
    let maps: Vec<InfoMaps> = ok!(list(env, process, info::PROCESS_MAPS));
    same!(maps.len(), 302);
    let start = maps.first().map_or(0, |map| map.base);
    let places: Vec<_> = maps.iter().skip(2).map(|map| (map.base - start) / P).collect();
    same!(places, (0..300).map(|index| 2 * index).collect::<Vec<_>>());
    same!(ok!(list::<InfoVmo>(env, process, info::PROCESS_VMOS)).len(), 300);
    let stats: InfoTaskStats = ok!(env.info(process, info::TASK_STATS));
    same!((stats.mem_mapped_bytes, stats.mem_private_bytes), (300 * P, 300 * P));
    Ok(())
}

fn memory_topics_refuse(env: &mut Env<'_>) -> Outcome {
    let event = ok!(env.making(Sysno::event_create, &[0]));
    let blind = ok!(env.duplicate(env.world.process, Rights::DEFAULT_PROCESS - Rights::INSPECT));
    let of_processes = OF_PROCESSES.into_iter().chain([info::TASK_STATS_V1, info::PROCESS_HANDLE_STATS]);
    for topic in of_processes {
        refused!(raw_list(env, event, topic, 512), WRONG_TYPE);
        refused!(raw_list(env, blind, topic, 512), ACCESS_DENIED);
        refused!(raw_list(env, 0, topic, 512), BAD_HANDLE);
        for pointer in env.bad_pointers() {
            let args = [u64::from(env.world.process), u64::from(topic), pointer, 512];
            refused!(env.raw(Sysno::object_get_info, &args), INVALID_ARGS);
        }
    }
    let blind = ok!(env.duplicate(env.world.vmar, Rights::READ));
    refused!(raw_list(env, blind, info::VMAR_MAPS, 512), ACCESS_DENIED);
    refused!(raw_list(env, event, info::VMAR_MAPS, 512), WRONG_TYPE);
    refused!(raw_list(env, event, 0x3FF, 512), NOT_SUPPORTED);
    Ok(())
}

fn small_records(env: &mut Env<'_>) -> Outcome {
    let (process, system) = (env.world.process, env.world.system_root);
    let vmo = ok!(env.vmo_create(P, 0));
    let cases = [
        (process, info::TASK_STATS, InfoTaskStats::SIZE),
        (process, info::TASK_STATS_V1, INFO_TASK_STATS_V1_SIZE),
        (process, info::PROCESS_HANDLE_STATS, InfoProcessHandleStats::SIZE),
        (system, info::KMEM_STATS, InfoKmemStats::SIZE),
        (system, info::KMEM_STATS_V1, InfoKmemStatsV1::SIZE),
        (vmo, info::VMO, InfoVmo::SIZE),
    ];
    for (handle, topic, size) in cases {
        for room in [0, size - 1] {
            let buffer = env.data(&[0xEE; 512]);
            let (actual, avail) = (env.out(1), env.out(2));
            env.poke_u64(VirtAddr(actual), 77);
            let args = [u64::from(handle), u64::from(topic), buffer, room as u64, actual, avail];
            refused!(env.raw(Sysno::object_get_info, &args), BUFFER_TOO_SMALL);
            same!((env.out_u64(1), env.out_u64(2)), (0, 1));
            truth!(env.data_bytes(512).iter().all(|&byte| byte == 0xEE));
        }
        let (bytes, actual, avail) = ok!(raw_list(env, handle, topic, 512));
        same!((actual, avail, bytes.len()), (1, 1, 512));
    }
    Ok(())
}

fn vmo_versions(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(named(env, b"versions", 3, 2));
    let whole = ok!(env.vmo_info(vmo));
    let mut expected = [0; InfoVmo::SIZE];
    whole.put(&mut expected);
    for (topic, size) in [info::VMO_V1, info::VMO_V2, info::VMO_V3, info::VMO].into_iter().zip(INFO_VMO_SIZES)
    {
        let buffer = env.data(&[0xEE; 512]);
        ok!(env.raw(Sysno::object_get_info, &[u64::from(vmo), u64::from(topic), buffer, 512]));
        let bytes = env.data_bytes(512);
        same!(bytes.get(..size), expected.get(..size));
        truth!(bytes.iter().skip(size).all(|&byte| byte == 0xEE));
        let small = [u64::from(vmo), u64::from(topic), buffer, size as u64 - 1];
        refused!(env.raw(Sysno::object_get_info, &small), BUFFER_TOO_SMALL);
    }
    refused!(raw_list(env, vmo, 23 | 4 << 28, 512), NOT_SUPPORTED);
    same!((whole.size_bytes, whole.committed_bytes, whole.populated_bytes), (3 * P, 2 * P, 2 * P));
    same!((text(&whole.name), whole.num_mappings, whole.share_count), (b"versions".as_slice(), 0, 0));
    let at = ok!(env.map(vmo, PERM_READ, P));
    same!(ok!(env.vmo_info(vmo)).share_count, 1);
    ok!(env.unmap(at, P));
    same!(ok!(env.vmo_info(vmo)).share_count, 0);
    Ok(())
}

/// The topics that go through an address space.
const OF_SPACES: [u32; 8] = [
    info::PROCESS_MAPS,
    info::PROCESS_MAPS_V1,
    info::PROCESS_MAPS_V2,
    info::PROCESS_VMOS,
    info::PROCESS_VMOS_V1,
    info::PROCESS_VMOS_V2,
    info::VMAR_MAPS,
    info::TASK_STATS,
];

/// Asks every topic that goes through an address space.
fn list_all(env: &mut Env<'_>) -> Result {
    for topic in OF_SPACES {
        let of = if topic == info::VMAR_MAPS { env.world.vmar } else { env.world.process };
        let (buffer, actual, avail) = (env.data(&[]), env.out(1), env.out(2));
        env.raw(Sysno::object_get_info, &[u64::from(of), u64::from(topic), buffer, 0xE000, actual, avail])?;
    }
    Ok(())
}

fn far_slices(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P, 0));
    let slice = ok!(env.slice(vmo, 2 * P, P));
    for offset in [0, P, 1 << 62, u64::MAX - 4 * P + 1, u64::MAX - 2 * P + 1] {
        let at = ok!(env.vmar_map(env.world.vmar, PERM_READ, 0, slice, offset, P));
        ok!(list_all(env));
        let commit = RangeOp::Commit;
        truth!(env.vmar_op(env.world.vmar, commit, at.0, P).is_ok() == (offset == 0));
        ok!(list_all(env));
        ok!(env.unmap(at, P));
    }
    Ok(())
}
