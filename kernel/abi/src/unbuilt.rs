//! Zircon's numbers and records for what is not built here.
//!
//! Programs that are written for Zircon name them; they compile, and the kernel answers that it has no such thing.
//! What is built moves from here to the room of its object.
use crate::abi_struct;

/// Declares groups of numbers, and for the C headers a list of each with Zircon's names.
macro_rules! numbers {
    ($($(#[$doc:meta])* $room:ident($prefix:literal, $ty:ty) {
        $($(#[$each:meta])* $name:ident = $value:expr;)*
    })*) => {
        $(
            $(#[$doc])*
            pub mod $room {
                $($(#[$each])* pub const $name: $ty = $value;)*

                /// Each of them by its name in C.
                pub const ALL: &[(&str, u64)] = &[$((concat!($prefix, stringify!($name)), $name as u64)),*];
            }
        )*
    };
}

numbers! {
    /// Types of objects (`zx_obj_type_t`); those that are built are in [`crate::ObjectType`].
    object_type("ZX_OBJ_TYPE_", u32) {
        /// No type: any will do.
        NONE = 0;
        /// A device on a PCI bus.
        PCI_DEVICE = 11;
        /// One end of a byte pipe.
        SOCKET = 14;
        /// One of two events.
        EVENTPAIR = 16;
        /// One end of a queue of elements.
        FIFO = 19;
        /// A virtual machine.
        GUEST = 20;
        /// A CPU of one.
        VCPU = 21;
        /// A timer.
        TIMER = 22;
        /// How a thread is scheduled.
        PROFILE = 25;
        /// What keeps a task suspended.
        SUSPEND_TOKEN = 27;
        /// What supplies pages.
        PAGER = 28;
        /// A thread's exception.
        EXCEPTION = 29;
        /// A clock of a program's own.
        CLOCK = 30;
        /// A position in a VMO.
        STREAM = 31;
        /// A block of message signalled interrupts.
        MSI = 32;
        /// A shared buffer.
        IOB = 33;
        /// A number that is waited for.
        COUNTER = 34;
        /// A region that several shared buffers have.
        IOB_SHARED_REGION = 35;
    }
    /// Topics of `zx_object_get_info`; those that are built are in [`crate::object::info`].
    info("ZX_INFO_", u32) {
        /// No topic.
        NONE = 0;
        /// What a thread is stopped for.
        THREAD_EXCEPTION_REPORT = 11 | 1 << 28;
        /// Its first version.
        THREAD_EXCEPTION_REPORT_V1 = 11;
        /// [`super::InfoThreadStats`].
        THREAD_STATS = 15;
        /// What each CPU did.
        CPU_STATS = 16;
        /// [`super::InfoSocket`].
        SOCKET = 22;
        /// [`super::InfoTimer`].
        TIMER = 25;
        /// [`super::InfoStream`].
        STREAM = 26;
        /// [`super::InfoMsi`].
        MSI = 28;
        /// What a virtual machine did.
        GUEST_STATS = 29;
        /// [`super::InfoTaskRuntime`].
        TASK_RUNTIME = 30 | 1 << 28;
        /// Its first version, which ends before `page_fault_time`.
        TASK_RUNTIME_V1 = 30;
        /// More about the kernel's memory.
        KMEM_STATS_EXTENDED = 31;
        /// A virtual machine's CPU.
        VCPU = 32;
        /// What is compressed.
        KMEM_STATS_COMPRESSION = 33;
        /// A shared buffer.
        IOB = 34;
        /// Its regions.
        IOB_REGIONS = 35;
        /// What is powered together.
        POWER_DOMAINS = 37;
        /// [`super::InfoMemoryStall`].
        MEMORY_STALL = 38;
        /// [`super::InfoInterrupt`].
        INTERRUPT = 39;
        /// Bytes of a clock that is mapped.
        CLOCK_MAPPED_SIZE = 40;
    }
    /// Properties; those that are built are in [`crate::object::property`].
    property("ZX_PROP_", u32) {
        /// Whether a loader stops for debuggers.
        PROCESS_BREAK_ON_LOAD = 7;
        /// What traces of the hardware call the process.
        PROCESS_HW_TRACE_CONTEXT_ID = 8;
        /// Bytes that make a socket READ_THRESHOLD.
        SOCKET_RX_THRESHOLD = 12;
        /// Bytes of room that make a socket WRITE_THRESHOLD.
        SOCKET_TX_THRESHOLD = 13;
        /// The job is killed when memory runs out.
        JOB_KILL_ON_OOM = 15;
        /// [`super::exception_state`].
        EXCEPTION_STATE = 16;
        /// [`super::exception_strategy`].
        EXCEPTION_STRATEGY = 18;
        /// Whether a stream writes at its end.
        STREAM_MODE_APPEND = 19;
    }
    /// What becomes of a thread when its exception's handle is closed.
    exception_state("ZX_EXCEPTION_STATE_", u32) {
        /// The next handler is asked.
        TRY_NEXT = 0;
        /// It goes on.
        HANDLED = 1;
        /// It ends.
        THREAD_EXIT = 2;
    }
    /// Whether a debugger is asked again.
    exception_strategy("ZX_EXCEPTION_STRATEGY_", u32) {
        /// Before the process's own handlers only.
        FIRST_CHANCE = 0;
        /// After them as well.
        SECOND_CHANCE = 1;
    }
    /// What a packet is about; what is built is in [`crate::port::packet_type`].
    packet_type("ZX_PKT_TYPE_", u32) {
        /// A guest rang a bell.
        GUEST_BELL = 3;
        /// A guest touched memory.
        GUEST_MEM = 4;
        /// A guest touched a port.
        GUEST_IO = 5;
        /// A guest's CPU.
        GUEST_VCPU = 6;
        /// An interrupt came.
        INTERRUPT = 7;
        /// A page is wanted.
        PAGE_REQUEST = 9;
    }
    /// Who is asked about an exception (`wait_exception_channel_type`).
    exception_channel("ZX_EXCEPTION_CHANNEL_TYPE_", u32) {
        /// Nobody.
        NONE = 0;
        /// A debugger.
        DEBUGGER = 1;
        /// The thread's own handler.
        THREAD = 2;
        /// The process's.
        PROCESS = 3;
        /// A job's.
        JOB = 4;
        /// A debugger of a job.
        JOB_DEBUGGER = 5;
    }
    /// Exceptions.
    exception("ZX_EXCP_", u32) {
        /// One without a number of its own.
        GENERAL = 0x008;
        /// An address that is not mapped so.
        FATAL_PAGE_FAULT = 0x108;
        /// No instruction.
        UNDEFINED_INSTRUCTION = 0x208;
        /// A breakpoint in the code.
        SW_BREAKPOINT = 0x308;
        /// A breakpoint of the CPU.
        HW_BREAKPOINT = 0x408;
        /// An address that is not aligned.
        UNALIGNED_ACCESS = 0x508;
        /// The bit of those that the kernel makes.
        SYNTH = 0x8000;
        /// A thread starts.
        THREAD_STARTING = 0x8008;
        /// A thread ends.
        THREAD_EXITING = 0x8108;
        /// The job's policy.
        POLICY_ERROR = 0x8208;
        /// A process starts.
        PROCESS_STARTING = 0x8308;
        /// A program raised it.
        USER = 0x8309;
    }
    /// Commands of `zx_system_powerctl`.
    powerctl("ZX_SYSTEM_POWERCTL_", u32) {
        /// Every CPU on.
        ENABLE_ALL_CPUS = 1;
        /// Every CPU off but the first.
        DISABLE_ALL_CPUS_BUT_PRIMARY = 2;
        /// x86's sleep states.
        ACPI_TRANSITION_S_STATE = 3;
        /// x86's power limit.
        X86_SET_PKG_PL1 = 4;
        /// Restart.
        REBOOT = 5;
        /// Restart into the loader.
        REBOOT_BOOTLOADER = 6;
        /// Restart into what recovers.
        REBOOT_RECOVERY = 7;
        /// Off.
        SHUTDOWN = 8;
        /// The kernel's own restart may go on.
        ACK_KERNEL_INITIATED_REBOOT = 9;
    }
    /// What a profile sets, and priorities.
    profile("ZX_PROFILE_INFO_FLAG_", u32) {
        /// `priority`.
        PRIORITY = 1 << 0;
        /// `cpu_affinity_mask`.
        CPU_MASK = 1 << 1;
        /// `deadline_params`.
        DEADLINE = 1 << 2;
        /// Waiters do not lend their own.
        NO_INHERIT = 1 << 3;
        /// `priority`, of memory.
        MEMORY_PRIORITY = 1 << 4;
        /// What the system needs.
        CRITICAL = 1 << 5;
    }
    /// Priorities of a profile.
    priority("ZX_PRIORITY_", i32) {
        /// Behind all others.
        LOWEST = 0;
        /// Behind most.
        LOW = 8;
        /// Everybody's.
        DEFAULT = 16;
        /// Before most.
        HIGH = 24;
        /// Before all others.
        HIGHEST = 31;
    }
    /// Options of sockets.
    socket("ZX_SOCKET_", u32) {
        /// Bytes.
        STREAM = 0;
        /// Messages.
        DATAGRAM = 1;
        /// Read and leave.
        PEEK = 1 << 3;
        /// No more writes.
        DISPOSITION_WRITE_DISABLED = 1 << 0;
        /// Writes again.
        DISPOSITION_WRITE_ENABLED = 1 << 1;
    }
    /// Options of streams.
    stream("ZX_STREAM_", u32) {
        /// May be read.
        MODE_READ = 1 << 0;
        /// May be written.
        MODE_WRITE = 1 << 1;
        /// Writes at its end.
        MODE_APPEND = 1 << 2;
        /// This write at its end.
        APPEND = 1 << 0;
        /// From the start.
        SEEK_ORIGIN_START = 0;
        /// From where it is.
        SEEK_ORIGIN_CURRENT = 1;
        /// From the end.
        SEEK_ORIGIN_END = 2;
    }
    /// Pagers.
    pager("ZX_PAGER_", u32) {
        /// These pages cannot be had.
        OP_FAIL = 1;
        /// These pages may be written.
        OP_DIRTY = 2;
        /// They are being written back.
        OP_WRITEBACK_BEGIN = 3;
        /// They are written back.
        OP_WRITEBACK_END = 4;
        /// A packet: give pages.
        VMO_READ = 0;
        /// A packet: there will be none after it.
        VMO_COMPLETE = 1;
        /// A packet: a page is to be written.
        VMO_DIRTY = 2;
        /// The VMO was changed.
        VMO_STATS_MODIFIED = 1;
        /// Forget that it was.
        RESET_VMO_STATS = 1;
    }
    /// Events of the system.
    system_event("ZX_SYSTEM_EVENT_", u32) {
        /// There is no memory.
        OUT_OF_MEMORY = 1;
        /// There is hardly any.
        MEMORY_PRESSURE_CRITICAL = 2;
        /// There is little.
        MEMORY_PRESSURE_WARNING = 3;
        /// There is enough.
        MEMORY_PRESSURE_NORMAL = 4;
        /// There will be none soon.
        IMMINENT_OUT_OF_MEMORY = 5;
    }
    /// Options and limits that stand alone.
    other("ZX_", u32) {
        /// Option of `zx_vmo_create`: writes of a pager's VMO are told.
        VMO_TRAP_DIRTY = 1 << 3;
        /// Option of `zx_process_create`: a part of the address space is shared.
        PROCESS_SHARED = 1 << 0;
        /// Option of `zx_job_set_critical`: only a return code that is not 0 counts.
        JOB_CRITICAL_PROCESS_RETCODE_NONZERO = 1 << 0;
        /// Option of `zx_task_create_exception_channel`: the debugger's.
        EXCEPTION_CHANNEL_DEBUGGER = 1;
        /// Option of a message signalled interrupt.
        MSI_MODE_MSI_X = 1;
        /// Bytes of a FIFO at most.
        FIFO_MAX_SIZE_BYTES = 4096;
        /// Vectors of one message at most.
        CHANNEL_MAX_MSG_IOVECS = 8192;
        /// A flag of a VCPU: it was kicked.
        INFO_VCPU_FLAG_KICKED = 1;
        /// A flag of a CPU: it runs.
        INFO_CPU_STATS_FLAG_ONLINE = 1;
        /// No CPU.
        INFO_INVALID_CPU = 0xFFFF_FFFF;
    }
}

/// The CPU's features, `zx_system_get_features`, and its kinds.
pub mod features {
    /// What the CPU can do.
    pub const KIND_CPU: u32 = 0;
    /// How many breakpoints it has.
    pub const KIND_HW_BREAKPOINT_COUNT: u32 = 1;
    /// How many watchpoints it has.
    pub const KIND_HW_WATCHPOINT_COUNT: u32 = 2;
    /// Which bits of an address do not count.
    pub const KIND_ADDRESS_TAGGING: u32 = 3;
    /// What address spaces can do.
    pub const KIND_VM: u32 = 4;
    /// Of [`KIND_VM`]: a mapping may be executable and not readable.
    pub const VM_CAN_MAP_XOM: u32 = 1 << 0;
    /// Of [`KIND_ADDRESS_TAGGING`]: the top byte.
    pub const ADDRESS_TAGGING_TBI: u32 = 1 << 0;
    /// Of [`KIND_CPU`], from bit 0 on, by their names in C.
    pub const CPU: [&str; 23] = [
        "ZX_HAS_CPU_FEATURES",
        "ZX_ARM64_FEATURE_ISA_FP",
        "ZX_ARM64_FEATURE_ISA_ASIMD",
        "ZX_ARM64_FEATURE_ISA_AES",
        "ZX_ARM64_FEATURE_ISA_PMULL",
        "ZX_ARM64_FEATURE_ISA_SHA1",
        "ZX_ARM64_FEATURE_ISA_SHA256",
        "ZX_ARM64_FEATURE_ISA_CRC32",
        "ZX_ARM64_FEATURE_ISA_ATOMICS",
        "ZX_ARM64_FEATURE_ISA_RDM",
        "ZX_ARM64_FEATURE_ISA_SHA3",
        "ZX_ARM64_FEATURE_ISA_SM3",
        "ZX_ARM64_FEATURE_ISA_SM4",
        "ZX_ARM64_FEATURE_ISA_DP",
        "ZX_ARM64_FEATURE_ISA_DPB",
        "ZX_ARM64_FEATURE_ISA_FHM",
        "ZX_ARM64_FEATURE_ISA_TS",
        "ZX_ARM64_FEATURE_ISA_RNDR",
        "ZX_ARM64_FEATURE_ISA_SHA512",
        "ZX_ARM64_FEATURE_ISA_I8MM",
        "ZX_ARM64_FEATURE_ISA_SVE",
        "ZX_ARM64_FEATURE_ISA_ARM32",
        "ZX_ARM64_FEATURE_ISA_MOPS",
    ];
}

/// Bytes of one `zx_cprng_draw_once` and `zx_cprng_add_entropy` in Zircon; here there is no such limit.
pub const CPRNG_MAX_LEN: usize = 256;
/// CPUs of a `zx_cpu_set_t`.
pub const CPU_SET_MAX_CPUS: usize = 512;

abi_struct! {
    /// A set of CPUs.
    struct CpuSet as "zx_cpu_set_t" {
        /// 64 to a word.
        mask: [u64; 8],
    }
    /// Topic [`info::THREAD_STATS`].
    struct InfoThreadStats as "zx_info_thread_stats_t" {
        /// Nanoseconds that it ran.
        total_runtime: i64,
        /// Where it ran last.
        last_scheduled_cpu: u32,
        /// Zero.
        padding1: [u8; 4],
    }
    /// Topic [`info::SOCKET`].
    struct InfoSocket as "zx_info_socket_t" {
        /// The options that it was made with.
        options: u32,
        /// Zero.
        padding1: [u8; 4],
        /// Bytes that it holds at most.
        rx_buf_max: u64,
        /// Bytes that it holds.
        rx_buf_size: u64,
        /// Bytes that one read gives.
        rx_buf_available: u64,
        /// Bytes that the other end holds at most.
        tx_buf_max: u64,
        /// Bytes that the other end holds.
        tx_buf_size: u64,
    }
    /// Topic [`info::TIMER`].
    struct InfoTimer as "zx_info_timer_t" {
        /// The options that it was made with.
        options: u32,
        /// Its clock.
        clock_id: u32,
        /// When it fires; 0 if it is not set.
        deadline: i64,
        /// How exactly.
        slack: i64,
    }
    /// Topic [`info::STREAM`].
    struct InfoStream as "zx_info_stream_t" {
        /// The options that it was made with.
        options: u32,
        /// Zero.
        padding1: [u8; 4],
        /// Where it is.
        seek: u64,
        /// Bytes of its content.
        content_size: u64,
    }
    /// Topic [`info::MSI`].
    struct InfoMsi as "zx_info_msi_t" {
        /// Where devices write.
        target_addr: u64,
        /// What they write.
        target_data: u32,
        /// The first of the interrupts.
        base_irq_id: u32,
        /// How many there are.
        num_irq: u32,
        /// How many have an object.
        interrupt_count: u32,
    }
    /// Topic [`info::TASK_RUNTIME`], in nanoseconds.
    struct InfoTaskRuntime as "zx_info_task_runtime_t" {
        /// Running.
        cpu_time: i64,
        /// Ready and not running.
        queue_time: i64,
        /// In page faults.
        page_fault_time: i64,
        /// Waiting for the kernel's locks.
        lock_contention_time: i64,
    }
    /// Topic [`info::MEMORY_STALL`], in nanoseconds.
    struct InfoMemoryStall as "zx_info_memory_stall_t" {
        /// Some thread waited for memory.
        stall_time_some: i64,
        /// Every thread did.
        stall_time_full: i64,
    }
    /// Topic [`info::INTERRUPT`].
    struct InfoInterrupt as "zx_info_interrupt_t" {
        /// The options that it was made with.
        options: u32,
    }
    /// How a thread is scheduled by deadlines, in nanoseconds.
    struct SchedDeadlineParams as "zx_sched_deadline_params_t" {
        /// What it runs in each period.
        capacity: i64,
        /// When it has had that.
        relative_deadline: i64,
        /// The period.
        period: i64,
    }
    /// What `zx_profile_create` makes a profile of.
    struct ProfileInfo as "zx_profile_info_t" {
        /// [`profile`]
        flags: u32,
        /// Zero.
        padding1: [u8; 4],
        /// [`SchedDeadlineParams`], or the priority in the first four bytes.
        scheduling: [u64; 3],
        /// [`CpuSet`].
        cpu_affinity_mask: [u64; 8],
    }
    /// What some commands of `zx_system_powerctl` take; both are x86's.
    struct PowerctlArg as "zx_system_powerctl_arg_t" {
        /// Three bytes for ACPI, or a power limit.
        power_limit: u32,
        /// The limit's window.
        time_window: u32,
        /// Whether the limit holds always.
        clamp: u8,
        /// Whether it holds at all.
        enable: u8,
        /// Zero.
        padding2: [u8; 2],
    }
    /// What comes on an exception channel, with the exception's handle.
    struct ExceptionInfo as "zx_exception_info_t" {
        /// The process.
        pid: u64,
        /// The thread.
        tid: u64,
        /// [`exception`].
        exception_type: u32,
        /// Zero.
        padding1: [u8; 4],
    }
    /// An exception that was not yet answered.
    struct ExceptionReport as "zx_exception_report_t" {
        /// Bytes of the record.
        size: u32,
        /// [`exception`].
        exception_type: u32,
        /// What the CPU says; on arm64 ESR, four bytes of padding, FAR, eight bytes of padding.
        arch: [u64; 3],
        /// What goes with a synthetic exception, and why a page fault could not be handled.
        synth_code: i32,
        /// More of it.
        synth_data: u32,
    }
}

const _: () = assert!(size_of::<ProfileInfo>() == 96 && size_of::<PowerctlArg>() == 12);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_its_name_in_c() {
        assert!(object_type::ALL.contains(&("ZX_OBJ_TYPE_COUNTER", 34)));
        assert!(info::ALL.contains(&("ZX_INFO_TASK_RUNTIME", 0x1000_001E)));
    }

    #[test]
    fn no_type_is_here_that_is_built() {
        let built = [1, 2, 3, 4, 5, 6, 9, 12, 15, 17, 18, 23, 24, 26];
        assert!(object_type::ALL.iter().all(|(_, number)| !built.contains(number)));
    }
}
