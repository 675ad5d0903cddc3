//! Handles, object types, information topics and properties, `zircon/syscalls/object.h`.
use crate::abi_struct;

/// A handle's value (`zx_handle_t`); 0 is never valid, and the two low bits of a valid one are set.
pub type Handle = u32;
/// A kernel object's id (`zx_koid_t`), unique in one boot.
pub type Koid = u64;

/// The value that is never a handle.
pub const HANDLE_INVALID: Handle = 0;
/// The bits that are set in every valid handle, free for a program to use as tags.
pub const HANDLE_FIXED_BITS: u32 = 3;
/// The first koid that an object gets.
pub const KOID_FIRST: Koid = 1024;
/// Bytes of an object's name, its NUL included.
pub const MAX_NAME_LEN: usize = 32;

/// Types of objects are below this (`ZX_OBJ_TYPE_UPPER_BOUND`).
pub const OBJECT_TYPE_UPPER_BOUND: usize = 64;

/// What an object is (`zx_obj_type_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum ObjectType {
    /// An address space with its handles and threads.
    Process = 1,
    /// A flow of control.
    Thread = 2,
    /// Memory.
    Vmo = 3,
    /// One end of a message pipe.
    Channel = 4,
    /// A set of signals.
    Event = 5,
    /// A queue of packets.
    Port = 6,
    /// An interrupt vector.
    Interrupt = 9,
    /// The log.
    Debuglog = 12,
    /// A right to name ranges.
    Resource = 15,
    /// A group of processes.
    Job = 17,
    /// A region of address space.
    Vmar = 18,
    /// What translates for devices.
    Iommu = 23,
    /// A device's way to memory.
    Bti = 24,
    /// Memory that is pinned.
    Pmt = 26,
}

/// Topics of `zx_object_get_info`: number in the low 28 bits, version in the top four.
pub mod info {
    /// Whether the handle is valid at all.
    pub const HANDLE_VALID: u32 = 1;
    /// [`super::InfoHandleBasic`].
    pub const HANDLE_BASIC: u32 = 2;
    /// [`super::InfoProcess`].
    pub const PROCESS: u32 = 3 | 1 << 28;
    /// The ids of a process's threads that run.
    pub const PROCESS_THREADS: u32 = 4;
    /// [`super::InfoVmar`].
    pub const VMAR: u32 = 7;
    /// The ids of the jobs in a job.
    pub const JOB_CHILDREN: u32 = 8;
    /// The ids of the processes in a job.
    pub const JOB_PROCESSES: u32 = 9;
    /// [`super::InfoThread`].
    pub const THREAD: u32 = 10;
    /// [`super::InfoTaskStats`], its present version.
    pub const TASK_STATS: u32 = 12 | 1 << 28;
    /// The first version of TASK_STATS: the record up to `mem_scaled_shared_bytes`.
    pub const TASK_STATS_V1: u32 = 12;
    /// [`super::InfoMaps`], its present version: what is where in a process's address space.
    pub const PROCESS_MAPS: u32 = 13 | 2 << 28;
    /// The first version of PROCESS_MAPS: [`super::InfoMapsV2`] up to `committed_pages`.
    pub const PROCESS_MAPS_V1: u32 = 13;
    /// The second version of PROCESS_MAPS: [`super::InfoMapsV2`].
    pub const PROCESS_MAPS_V2: u32 = 13 | 1 << 28;
    /// [`super::InfoVmo`] of each VMO that a process has a handle to or maps, in its present version.
    pub const PROCESS_VMOS: u32 = 14 | 3 << 28;
    /// The first version of PROCESS_VMOS.
    pub const PROCESS_VMOS_V1: u32 = 14;
    /// The second version of PROCESS_VMOS.
    pub const PROCESS_VMOS_V2: u32 = 14 | 1 << 28;
    /// The third version of PROCESS_VMOS.
    pub const PROCESS_VMOS_V3: u32 = 14 | 2 << 28;
    /// [`super::InfoKmemStats`], its present version.
    pub const KMEM_STATS: u32 = 17 | 1 << 28;
    /// The first version of KMEM_STATS: [`super::InfoKmemStatsV1`].
    pub const KMEM_STATS_V1: u32 = 17;
    /// [`super::InfoResource`].
    pub const RESOURCE: u32 = 18;
    /// [`super::InfoHandleCount`].
    pub const HANDLE_COUNT: u32 = 19;
    /// [`super::InfoBti`].
    pub const BTI: u32 = 20;
    /// [`super::InfoProcessHandleStats`].
    pub const PROCESS_HANDLE_STATS: u32 = 21;
    /// [`super::InfoJob`].
    pub const JOB: u32 = 24;
    /// [`super::InfoHandleExtended`] of each handle of a process.
    pub const HANDLE_TABLE: u32 = 27;
    /// [`super::InfoMaps`]: what is where in a region, itself first.
    pub const VMAR_MAPS: u32 = 36;
    /// [`super::InfoVmo`], its present version.
    pub const VMO: u32 = 23 | 3 << 28;
    /// The first version of VMO: the record up to `cache_policy`.
    pub const VMO_V1: u32 = 23;
    /// The second version of VMO: the record up to `committed_change_events`.
    pub const VMO_V2: u32 = 23 | 1 << 28;
    /// The third version of VMO: the record up to `populated_bytes`.
    pub const VMO_V3: u32 = 23 | 2 << 28;
    /// [`super::InfoResourceGroup`], one for each window in the page groups that a resource touches. Ours: its number
    /// has 0x4A, a `J`, above where Zircon counts.
    pub const RESOURCE_GROUP: u32 = 0x4A_0001;
}

/// Properties of `zx_object_get_property` and `zx_object_set_property`.
pub mod property {
    /// The name, 32 bytes with its NUL.
    pub const NAME: u32 = 3;
    /// What a loader says about its image, for debuggers and fault reports: here, its load address.
    pub const PROCESS_DEBUG_ADDR: u32 = 5;
    /// Where a process's vDSO is mapped.
    pub const PROCESS_VDSO_BASE_ADDRESS: u32 = 6;
    /// The content size of a VMO in bytes.
    pub const VMO_CONTENT_SIZE: u32 = 17;
}

/// Flags of [`InfoVmo`].
pub mod vmo_flags {
    /// The VMO owns pages; a physical one does not.
    pub const TYPE_PAGED: u32 = 1;
    /// Its size can change.
    pub const RESIZABLE: u32 = 2;
    /// It is a copy-on-write child.
    pub const IS_COW_CLONE: u32 = 4;
    /// Found by a handle.
    pub const VIA_HANDLE: u32 = 8;
    /// Found by a mapping.
    pub const VIA_MAPPING: u32 = 16;
    /// A pager supplies its pages.
    pub const PAGER_BACKED: u32 = 32;
    /// Physically contiguous.
    pub const CONTIGUOUS: u32 = 64;
    /// Its pages may go while it is unlocked.
    pub const DISCARDABLE: u32 = 128;
    /// A snapshot that was made to stay as it is.
    pub const IMMUTABLE: u32 = 256;
    /// Found by a handle to a shared buffer that has it.
    pub const VIA_IOB_HANDLE: u32 = 512;
}

/// What a record of [`InfoMaps`] is about.
pub mod maps_type {
    /// The address space.
    pub const ASPACE: u32 = 1;
    /// A region.
    pub const VMAR: u32 = 2;
    /// A mapping.
    pub const MAPPING: u32 = 3;
}

/// Flags of [`InfoResourceGroup`].
pub mod resource_group {
    /// The resource has a byte of the window.
    pub const HELD: u32 = 1;
    /// The resource and the window have a page in common: who maps the one sees the other.
    pub const SEEN: u32 = 2;
}

/// Flags of [`InfoProcess`].
pub mod process_flags {
    /// The process was started.
    pub const STARTED: u32 = 1;
    /// The process has ended; the return code is valid.
    pub const EXITED: u32 = 2;
    /// A debugger is attached.
    pub const DEBUGGER_ATTACHED: u32 = 4;
}

/// What a thread does (`ZX_THREAD_STATE_*`). What blocks one is above the low byte.
pub mod thread_state {
    /// It was not started.
    pub const NEW: u32 = 0;
    /// It runs, or would if a CPU were free.
    pub const RUNNING: u32 = 1;
    /// It was suspended.
    pub const SUSPENDED: u32 = 2;
    /// It waits.
    pub const BLOCKED: u32 = 3;
    /// It was killed and has not ended yet.
    pub const DYING: u32 = 4;
    /// It has ended.
    pub const DEAD: u32 = 5;
    /// It waits for somebody to handle its exception.
    pub const BLOCKED_EXCEPTION: u32 = 0x103;
    /// It sleeps.
    pub const BLOCKED_SLEEPING: u32 = 0x203;
    /// It waits for a futex.
    pub const BLOCKED_FUTEX: u32 = 0x303;
    /// It waits for a packet.
    pub const BLOCKED_PORT: u32 = 0x403;
    /// It waits for the answer to its message.
    pub const BLOCKED_CHANNEL: u32 = 0x503;
    /// It waits for signals of an object.
    pub const BLOCKED_WAIT_ONE: u32 = 0x603;
    /// It waits for signals of several objects.
    pub const BLOCKED_WAIT_MANY: u32 = 0x703;
    /// It waits for an interrupt.
    pub const BLOCKED_INTERRUPT: u32 = 0x803;
    /// It waits for a page.
    pub const BLOCKED_PAGER: u32 = 0x903;
}

/// Return codes that the kernel gives a process which did not end by itself.
pub mod task_retcode {
    /// Killed by `zx_task_kill`.
    pub const SYSCALL_KILL: i64 = -1024;
    /// Killed because memory ran out.
    pub const OOM_KILL: i64 = -1025;
    /// Killed for a policy.
    pub const POLICY_KILL: i64 = -1026;
    /// Killed for a call from elsewhere than the vDSO.
    pub const VDSO_KILL: i64 = -1027;
    /// Killed for a fault that nobody handled.
    pub const EXCEPTION_KILL: i64 = -1028;
    /// Killed with a process that its job cannot be without.
    pub const CRITICAL_PROCESS_KILL: i64 = -1029;
}

abi_struct! {
    /// Topic [`info::HANDLE_BASIC`].
    struct InfoHandleBasic as "zx_info_handle_basic_t" {
        /// The object's id.
        koid: u64,
        /// The handle's rights.
        rights: u32,
        /// The object's type.
        object_type: u32,
        /// The peer, the parent, or 0.
        related_koid: u64,
        /// Zero.
        reserved: u32,
        /// Zero.
        padding: u32,
    }
    /// Topic [`info::PROCESS`].
    struct InfoProcess as "zx_info_process_t" {
        /// Valid once [`process_flags::EXITED`] is set.
        return_code: i64,
        /// When it was started, in nanoseconds of the monotonic clock.
        start_time: i64,
        /// [`process_flags`].
        flags: u32,
        /// Zero.
        padding: u32,
    }
    /// Topic [`info::THREAD`].
    struct InfoThread as "zx_info_thread_t" {
        /// [`thread_state`].
        state: u32,
        /// Who is asked about its exception; 0 for nobody.
        wait_exception_channel_type: u32,
        /// The CPUs that it may run on, 64 to a word.
        cpu_affinity_mask: [u64; 8],
    }
    /// Topic [`info::JOB`].
    struct InfoJob as "zx_info_job_t" {
        /// Valid once it has exited.
        return_code: i64,
        /// 1 if it was killed and nothing is left in it.
        exited: u8,
        /// 1 if it is killed when memory runs out.
        kill_on_oom: u8,
        /// 1 if a debugger is attached.
        debugger_attached: u8,
        /// Zero.
        padding: [u8; 5],
    }
    /// Topic [`info::TASK_STATS`]. A page counts once for each mapping that shows it.
    struct InfoTaskStats as "zx_info_task_stats_t" {
        /// Bytes of mappings.
        mem_mapped_bytes: u64,
        /// Of those with a page of RAM behind them, bytes of VMOs that no other address space maps.
        mem_private_bytes: u64,
        /// Of those with a page of RAM behind them, bytes of VMOs that others map too.
        mem_shared_bytes: u64,
        /// The shared ones, each divided by how many address spaces map its VMO.
        mem_scaled_shared_bytes: u64,
        /// `UINT64_MAX`: fractions are not kept.
        mem_fractional_scaled_shared_bytes: u64,
    }
    /// A record of topics [`info::PROCESS_MAPS`] and [`info::VMAR_MAPS`]. What follows `maps_type` is zero unless it
    /// is a mapping.
    struct InfoMaps as "zx_info_maps_t" {
        /// The name of the process, of nothing, or of the mapped VMO; NUL-padded.
        name: [u8; 32],
        /// The first address.
        base: u64,
        /// Bytes.
        size: u64,
        /// How deep it is nested: 0 the address space, 1 the root region.
        depth: u64,
        /// [`maps_type`].
        maps_type: u32,
        /// Zero.
        padding1: u32,
        /// The mapping's permissions (`crate::vmar::PERM_*`).
        mmu_flags: u32,
        /// Zero.
        padding2: u32,
        /// The mapped VMO's id.
        vmo_koid: u64,
        /// Where in it the mapping starts.
        vmo_offset: u64,
        /// Bytes of its pages with RAM behind them.
        committed_bytes: u64,
        /// Bytes of its pages with content, which are the same ones.
        populated_bytes: u64,
        /// Of those committed, bytes that no other VMO has.
        committed_private_bytes: u64,
        /// Of those populated, bytes that no other VMO has.
        populated_private_bytes: u64,
        /// Committed bytes, each shared page in proportion.
        committed_scaled_bytes: u64,
        /// Populated bytes, each shared page in proportion.
        populated_scaled_bytes: u64,
        /// `UINT64_MAX`: fractions are not kept.
        committed_fractional_scaled_bytes: u64,
        /// `UINT64_MAX`: fractions are not kept.
        populated_fractional_scaled_bytes: u64,
    }
    /// The versions of [`InfoMaps`] that count pages.
    struct InfoMapsV2 as "zx_info_maps_v2_t" {
        /// As in [`InfoMaps`].
        name: [u8; 32],
        /// As in [`InfoMaps`].
        base: u64,
        /// As in [`InfoMaps`].
        size: u64,
        /// As in [`InfoMaps`].
        depth: u64,
        /// As in [`InfoMaps`].
        maps_type: u32,
        /// Zero.
        padding1: u32,
        /// As in [`InfoMaps`].
        mmu_flags: u32,
        /// Zero.
        padding2: u32,
        /// As in [`InfoMaps`].
        vmo_koid: u64,
        /// As in [`InfoMaps`].
        vmo_offset: u64,
        /// Pages with RAM behind them.
        committed_pages: u64,
        /// Pages with content.
        populated_pages: u64,
    }
    /// Topic [`info::KMEM_STATS`]: what RAM is used for, in bytes.
    struct InfoKmemStats as "zx_info_kmem_stats_t" {
        /// RAM that the machine has.
        total_bytes: u64,
        /// RAM that nobody uses.
        free_bytes: u64,
        /// Zero: nothing is lent.
        free_loaned_bytes: u64,
        /// What was taken before the first process and is none of the others: the image, tables, what is reserved.
        wired_bytes: u64,
        /// The kernel's heap.
        total_heap_bytes: u64,
        /// Its part that is not in use.
        free_heap_bytes: u64,
        /// Pages of VMOs.
        vmo_bytes: u64,
        /// Translation tables of processes.
        mmu_overhead_bytes: u64,
        /// Zero: messages are in the heap.
        ipc_bytes: u64,
        /// Zero: there is no cache of pages.
        cache_bytes: u64,
        /// Zero: there are no slabs.
        slab_bytes: u64,
        /// Zero: nothing is compressed.
        zram_bytes: u64,
        /// Zero: there is no other kind.
        other_bytes: u64,
        /// Zero: nothing is reclaimed.
        vmo_reclaim_total_bytes: u64,
        /// Zero.
        vmo_reclaim_newest_bytes: u64,
        /// Zero.
        vmo_reclaim_oldest_bytes: u64,
        /// Zero.
        vmo_reclaim_disabled_bytes: u64,
        /// Zero: they are not counted by themselves.
        vmo_discardable_locked_bytes: u64,
        /// Zero: they are not counted by themselves.
        vmo_discardable_unlocked_bytes: u64,
    }
    /// The first version of [`InfoKmemStats`], with the fields that it has.
    struct InfoKmemStatsV1 as "zx_info_kmem_stats_v1_t" {
        /// As in [`InfoKmemStats`].
        total_bytes: u64,
        /// As in [`InfoKmemStats`].
        free_bytes: u64,
        /// As in [`InfoKmemStats`].
        wired_bytes: u64,
        /// As in [`InfoKmemStats`].
        total_heap_bytes: u64,
        /// As in [`InfoKmemStats`].
        free_heap_bytes: u64,
        /// As in [`InfoKmemStats`].
        vmo_bytes: u64,
        /// As in [`InfoKmemStats`].
        mmu_overhead_bytes: u64,
        /// As in [`InfoKmemStats`].
        ipc_bytes: u64,
        /// As in [`InfoKmemStats`].
        other_bytes: u64,
    }
    /// Topic [`info::PROCESS_HANDLE_STATS`].
    struct InfoProcessHandleStats as "zx_info_process_handle_stats_t" {
        /// Handles to objects of each type, by [`ObjectType`].
        handle_count: [u32; 64],
    }
    /// A record of topic [`info::HANDLE_TABLE`].
    struct InfoHandleExtended as "zx_info_handle_extended_t" {
        /// The object's type.
        object_type: u32,
        /// The handle's value in that process.
        handle_value: u32,
        /// The handle's rights.
        rights: u32,
        /// Zero.
        reserved: u32,
        /// The object's id.
        koid: u64,
        /// The peer, the parent, or 0.
        related_koid: u64,
        /// Zero.
        peer_owner_koid: u64,
    }
    /// Topic [`info::HANDLE_COUNT`].
    struct InfoHandleCount as "zx_info_handle_count_t" {
        /// Handles that name the object.
        handle_count: u32,
    }
    /// Topic [`info::BTI`].
    struct InfoBti as "zx_info_bti_t" {
        /// Bytes that lie in a row at each address that a pin gives.
        minimum_contiguity: u64,
        /// Bytes of the device's address space.
        aspace_size: u64,
        /// Pins, those in quarantine included.
        pmo_count: u64,
        /// Pins whose handle was closed and not unpinned.
        quarantine_count: u64,
    }
    /// Topic [`info::VMAR`].
    struct InfoVmar as "zx_info_vmar_t" {
        /// The first address.
        base: u64,
        /// Bytes.
        len: u64,
    }
    /// Topic [`info::RESOURCE`].
    struct InfoResource as "zx_info_resource_t" {
        /// [`crate::resource::Kind`].
        kind: u32,
        /// [`crate::resource::FLAG_EXCLUSIVE`] or 0.
        flags: u32,
        /// The first unit; 0 for a ranged root.
        base: u64,
        /// Units; 0 for a ranged root.
        size: u64,
        /// Its name, NUL-padded.
        name: [u8; 32],
    }
    /// Topic [`info::RESOURCE_GROUP`]: a window in the resource's page group. Its device's path, and whether it is
    /// there at all, are in the device table ([`crate::device_table`]).
    struct InfoResourceGroup as "jacinth_info_resource_group_t" {
        /// The window's first byte.
        base: u64,
        /// Its bytes.
        size: u64,
        /// Its place among the windows of the device table.
        window: u32,
        /// The group's place among those of the device table.
        group: u32,
        /// [`resource_group`].
        flags: u32,
        /// Zero.
        reserved: u32,
    }
    /// Topic [`info::VMO`].
    struct InfoVmo as "zx_info_vmo_t" {
        /// The VMO's id.
        koid: u64,
        /// Its name, NUL-padded.
        name: [u8; 32],
        /// Its size in bytes.
        size_bytes: u64,
        /// The parent's id, or 0.
        parent_koid: u64,
        /// Direct children.
        num_children: u64,
        /// Mappings of this VMO, not of its children.
        num_mappings: u64,
        /// Address spaces that map it.
        share_count: u64,
        /// [`vmo_flags`].
        flags: u32,
        /// Zero.
        padding1: u32,
        /// Bytes of pages that it holds.
        committed_bytes: u64,
        /// The rights of the handle asked through.
        handle_rights: u32,
        /// [`crate::vmo::CachePolicy`].
        cache_policy: u32,
        /// Bytes of kernel memory that describe it.
        metadata_bytes: u64,
        /// How often the kernel changed what is committed.
        committed_change_events: u64,
        /// Bytes of content held.
        populated_bytes: u64,
        /// Of those committed, bytes that are its own.
        committed_private_bytes: u64,
        /// Of those populated, bytes that are its own.
        populated_private_bytes: u64,
        /// Committed bytes, each shared page in proportion.
        committed_scaled_bytes: u64,
        /// Populated bytes, each shared page in proportion.
        populated_scaled_bytes: u64,
        /// The fraction of `committed_scaled_bytes`.
        committed_fractional_scaled_bytes: u64,
        /// The fraction of `populated_scaled_bytes`.
        populated_fractional_scaled_bytes: u64,
    }
}

/// Bytes of [`InfoVmo`] in each of its versions, oldest first.
pub const INFO_VMO_SIZES: [usize; 4] = [
    core::mem::offset_of!(InfoVmo, metadata_bytes),
    core::mem::offset_of!(InfoVmo, populated_bytes),
    core::mem::offset_of!(InfoVmo, committed_private_bytes),
    size_of::<InfoVmo>(),
];

/// Bytes of [`InfoMapsV2`] in the first version.
pub const INFO_MAPS_V1_SIZE: usize = core::mem::offset_of!(InfoMapsV2, populated_pages);
/// Bytes of [`InfoTaskStats`] in the first version.
pub const INFO_TASK_STATS_V1_SIZE: usize =
    core::mem::offset_of!(InfoTaskStats, mem_fractional_scaled_shared_bytes);

const _: () = assert!(size_of::<InfoHandleBasic>() == 32);
const _: () = assert!(size_of::<InfoMaps>() == 152 && size_of::<InfoMapsV2>() == 104);
const _: () = assert!(size_of::<InfoHandleExtended>() == 40 && size_of::<InfoKmemStats>() == 152);
const _: () = assert!(size_of::<InfoResource>() == 56);
const _: () = assert!(size_of::<InfoThread>() == 72 && size_of::<InfoJob>() == 16);
