//! THE list of system calls. Everything that knows about calls is made from it: the kernel's dispatch,
//! the vDSO's stubs, the Rust bindings, the C headers and the index of the documentation.
//!
//! A line gives how the call runs, its name without `zx_`, its arguments in order, and the rights it
//! needs. The number of a call is its place in the list: private to one build of kernel and vDSO.

/// How a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Enters the kernel and returns.
    Call,
    /// May park the calling thread.
    Blocking,
    /// Does not return to its caller.
    NoReturn,
    /// Answered by the vDSO's own code; the kernel is never entered.
    VdsoOnly,
}

/// What an argument is: its C type and whether the kernel reads or writes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// `zx_handle_t`; only the low 32 bits count.
    Handle,
    /// `uint32_t`; only the low 32 bits count.
    U32,
    /// `int32_t`; only the low 32 bits count.
    I32,
    /// `uint64_t`.
    U64,
    /// `int64_t`.
    I64,
    /// `size_t`.
    Usize,
    /// `uintptr_t`.
    Uintptr,
    /// `zx_paddr_t`.
    Paddr,
    /// `zx_vaddr_t`.
    Vaddr,
    /// `zx_time_t`.
    Time,
    /// `const void*`: bytes that the kernel reads.
    In,
    /// `const char*`: a name that the kernel reads.
    InStr,
    /// `const` pointer to this type: the kernel reads.
    InOf(&'static str),
    /// `void*`: bytes that the kernel writes.
    Out,
    /// Pointer to this type: the kernel writes.
    OutOf(&'static str),
    /// Pointer to this type: the kernel reads and writes.
    InOutOf(&'static str),
}

/// What a call returns in X0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// `zx_status_t`.
    Status,
    /// Nothing: the call does not return, or has nothing to say.
    Void,
    /// `uint32_t`.
    U32,
    /// `uint64_t`.
    U64,
    /// `int64_t`: a time or a number of ticks.
    I64,
    /// `const char*`.
    Str,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Syscall {
    /// The name without `zx_`.
    pub name: &'static str,
    /// One sentence: what it does.
    pub summary: &'static str,
    /// How it runs.
    pub kind: Kind,
    /// Names and types of its arguments.
    pub args: &'static [(&'static str, Arg)],
    /// What it returns.
    pub returns: Returns,
    /// The rights it needs, in words; empty if none.
    pub rights: &'static str,
}

macro_rules! arg {
    (in) => {
        Arg::In
    };
    (str) => {
        Arg::InStr
    };
    (out) => {
        Arg::Out
    };
    (handle) => {
        Arg::Handle
    };
    (u32) => {
        Arg::U32
    };
    (i32) => {
        Arg::I32
    };
    (u64) => {
        Arg::U64
    };
    (i64) => {
        Arg::I64
    };
    (usize) => {
        Arg::Usize
    };
    (uintptr) => {
        Arg::Uintptr
    };
    (paddr) => {
        Arg::Paddr
    };
    (vaddr) => {
        Arg::Vaddr
    };
    (time) => {
        Arg::Time
    };
    ((in $ty:literal)) => {
        Arg::InOf($ty)
    };
    ((out $ty:literal)) => {
        Arg::OutOf($ty)
    };
    ((inout $ty:literal)) => {
        Arg::InOutOf($ty)
    };
}

macro_rules! syscalls {
    ($($(#[doc = $doc:literal])+ $kind:ident $name:ident($($arg:ident: $ty:tt),*) -> $returns:ident [$rights:literal];)*) => {
        /// A call's number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        #[allow(non_camel_case_types)]
        pub enum Sysno {
            $($(#[doc = $doc])+ $name,)*
        }

        /// Every call, by number.
        pub const SYSCALLS: &[Syscall] = &[$(Syscall {
            name: stringify!($name),
            summary: concat!($($doc),+).trim_ascii(),
            kind: Kind::$kind,
            args: &[$((stringify!($arg), arg!($ty))),*],
            returns: Returns::$returns,
            rights: $rights,
        }),*];

        const NUMBERS: &[Sysno] = &[$(Sysno::$name),*];
    };
}

impl Sysno {
    /// The call with this number; `None` if there is none.
    pub fn from_raw(number: u64) -> Option<Self> {
        NUMBERS.get(usize::try_from(number).ok()?).copied()
    }

    /// The call's line in the list.
    pub fn line(self) -> &'static Syscall {
        &SYSCALLS[self as usize]
    }
}

syscalls! {
    /// Reads the boot clock.
    VdsoOnly clock_get_boot() -> I64 [""];
    /// Reads the monotonic clock.
    VdsoOnly clock_get_monotonic() -> I64 [""];
    /// Fills a buffer with random bytes; a buffer that cannot be written ends the program.
    VdsoOnly cprng_draw(buffer: out, buffer_size: usize) -> Void [""];
    /// Gives the deadline that lies this many nanoseconds ahead.
    VdsoOnly deadline_after(nanoseconds: i64) -> I64 [""];
    /// Reads the counter of the monotonic clock.
    VdsoOnly ticks_get() -> I64 [""];
    /// Reads the counter of the boot clock.
    VdsoOnly ticks_get_boot() -> I64 [""];
    /// Gives the counter's frequency.
    VdsoOnly ticks_per_second() -> I64 [""];
    /// Cleans or invalidates caches by address.
    VdsoOnly cache_flush(addr: in, size: usize, options: u32) -> Status [""];
    /// Gives the size of the smallest data cache line.
    VdsoOnly system_get_dcache_line_size() -> U32 [""];
    /// Gives the CPU's features.
    VdsoOnly system_get_features(kind: u32, features: (out "uint32_t")) -> Status [""];
    /// Gives the number of CPUs.
    VdsoOnly system_get_num_cpus() -> U32 [""];
    /// Gives the page size.
    VdsoOnly system_get_page_size() -> U32 [""];
    /// Gives the bytes of RAM.
    VdsoOnly system_get_physmem() -> U64 [""];
    /// Gives the kernel's version.
    VdsoOnly system_get_version_string() -> Str [""];
    /// Stores a futex's new value, wakes waiters, closes a handle and ends the calling thread.
    VdsoOnly futex_wake_handle_close_thread_exit(value_ptr: (in "zx_futex_t"), wake_count: u32, new_value: i32, close_handle: handle) -> Void [""];
    /// Unmaps a range, closes a handle and ends the calling thread, whose stack may lie in the range.
    VdsoOnly vmar_unmap_handle_close_thread_exit(handle: handle, addr: vaddr, len: u64, close_handle: handle) -> Status [""];

    /// Makes the shared buffer for DMA of a device.
    Call bti_create(iommu: handle, options: u32, bti_id: u64, out: (out "zx_handle_t")) -> Status [""];
    /// Pins pages for DMA.
    Call bti_pin(handle: handle, options: u32, vmo: handle, offset: u64, size: u64, addrs: (out "zx_paddr_t"), num_addrs: usize, pmt: (out "zx_handle_t")) -> Status ["MAP on handle; MAP and READ or WRITE on vmo"];
    /// Releases the pages of pins that were never undone.
    Call bti_release_quarantine(handle: handle) -> Status ["WRITE on handle"];
    /// Sends a message and waits for its answer.
    Blocking channel_call(handle: handle, options: u32, deadline: time, args: (in "zx_channel_call_args_t"), actual_bytes: (out "uint32_t"), actual_handles: (out "uint32_t")) -> Status ["READ and WRITE on handle"];
    /// Makes a channel.
    Call channel_create(options: u32, out0: (out "zx_handle_t"), out1: (out "zx_handle_t")) -> Status [""];
    /// Takes the next message.
    Call channel_read(handle: handle, options: u32, bytes: out, handles: (out "zx_handle_t"), num_bytes: u32, num_handles: u32, actual_bytes: (out "uint32_t"), actual_handles: (out "uint32_t")) -> Status ["READ on handle"];
    /// Takes the next message and tells about its handles.
    Call channel_read_etc(handle: handle, options: u32, bytes: out, handles: (out "zx_handle_info_t"), num_bytes: u32, num_handles: u32, actual_bytes: (out "uint32_t"), actual_handles: (out "uint32_t")) -> Status ["READ on handle"];
    /// Sends a message.
    Call channel_write(handle: handle, options: u32, bytes: in, num_bytes: u32, handles: (in "zx_handle_t"), num_handles: u32) -> Status ["WRITE on handle; TRANSFER on each handle sent"];
    /// Sends a message whose handles are moved or duplicated.
    Call channel_write_etc(handle: handle, options: u32, bytes: in, num_bytes: u32, handles: (inout "zx_handle_disposition_t"), num_handles: u32) -> Status ["WRITE on handle; TRANSFER on each handle sent"];
    /// Adds to the generator's entropy.
    Call cprng_add_entropy(buffer: in, buffer_size: usize) -> Status [""];
    /// Draws random bytes.
    Call cprng_draw_once(buffer: out, buffer_size: usize) -> Status [""];
    /// Writes to the serial console as it is.
    Call debug_write(buffer: in, buffer_size: usize) -> Status [""];
    /// Opens the log.
    Call debuglog_create(resource: handle, options: u32, out: (out "zx_handle_t")) -> Status ["SYSTEM/DEBUGLOG"];
    /// Reads the next record of the log; gives its bytes.
    Call debuglog_read(handle: handle, options: u32, buffer: out, buffer_size: usize) -> Status ["READ on handle"];
    /// Writes a record to the log.
    Call debuglog_write(handle: handle, options: u32, buffer: in, buffer_size: usize) -> Status ["WRITE on handle"];
    /// Makes an event.
    Call event_create(options: u32, out: (out "zx_handle_t")) -> Status [""];
    /// Makes a pair of events.
    Call eventpair_create(options: u32, out0: (out "zx_handle_t"), out1: (out "zx_handle_t")) -> Status [""];
    /// Gives the process of an exception.
    Call exception_get_process(handle: handle, out: (out "zx_handle_t")) -> Status [""];
    /// Gives the thread of an exception.
    Call exception_get_thread(handle: handle, out: (out "zx_handle_t")) -> Status [""];
    /// Makes a pair of fixed-size queues.
    Call fifo_create(elem_count: usize, elem_size: usize, options: u32, out0: (out "zx_handle_t"), out1: (out "zx_handle_t")) -> Status [""];
    /// Reads elements.
    Call fifo_read(handle: handle, elem_size: usize, data: out, count: usize, actual_count: (out "size_t")) -> Status ["READ on handle"];
    /// Writes elements.
    Call fifo_write(handle: handle, elem_size: usize, data: in, count: usize, actual_count: (out "size_t")) -> Status ["WRITE on handle"];
    /// Gives the owner of a futex.
    Call futex_get_owner(value_ptr: (in "zx_futex_t"), koid: (out "zx_koid_t")) -> Status [""];
    /// Wakes waiters and moves others to a second futex.
    Call futex_requeue(value_ptr: (in "zx_futex_t"), wake_count: u32, current_value: i32, requeue_ptr: (in "zx_futex_t"), requeue_count: u32, new_requeue_owner: handle) -> Status [""];
    /// Waits while a futex has a value.
    Blocking futex_wait(value_ptr: (in "zx_futex_t"), current_value: i32, new_futex_owner: handle, deadline: time) -> Status [""];
    /// Wakes waiters of a futex.
    Call futex_wake(value_ptr: (in "zx_futex_t"), wake_count: u32) -> Status [""];
    /// Wakes one waiter and makes it the owner.
    Call futex_wake_single_owner(value_ptr: (in "zx_futex_t")) -> Status [""];
    /// Tells whether a value is a live handle.
    Call handle_check_valid(handle: handle) -> Status [""];
    /// Closes a handle.
    Call handle_close(handle: handle) -> Status [""];
    /// Closes many handles.
    Call handle_close_many(handles: (in "zx_handle_t"), num_handles: usize) -> Status [""];
    /// Makes a second handle to an object, with the same rights or fewer.
    Call handle_duplicate(handle: handle, rights: u32, out: (out "zx_handle_t")) -> Status ["DUPLICATE on handle"];
    /// Replaces a handle by one with the same rights or fewer.
    Call handle_replace(handle: handle, rights: u32, out: (out "zx_handle_t")) -> Status [""];
    /// Acknowledges an interrupt that is bound to a port.
    Call interrupt_ack(handle: handle) -> Status ["WRITE on handle"];
    /// Binds an interrupt to a port, or unbinds it.
    Call interrupt_bind(handle: handle, port: handle, key: u64, options: u32) -> Status ["READ on handle; WRITE on port"];
    /// Makes an interrupt object.
    Call interrupt_create(resource: handle, vector: u32, options: u32, out: (out "zx_handle_t")) -> Status ["IRQ resource that holds the vector"];
    /// Detaches an interrupt object from its vector.
    Call interrupt_destroy(handle: handle) -> Status [""];
    /// Fires a virtual interrupt.
    Call interrupt_trigger(handle: handle, options: u32, timestamp: time) -> Status ["SIGNAL on handle"];
    /// Waits for an interrupt.
    Blocking interrupt_wait(handle: handle, timestamp: (out "zx_time_t")) -> Status ["WAIT on handle"];
    /// Makes an IOMMU object.
    Call iommu_create(resource: handle, kind: u32, desc: in, desc_size: usize, out: (out "zx_handle_t")) -> Status ["SYSTEM/IOMMU"];
    /// Ours: gives what the MMU makes of an address for EL0 (PAR_EL1); only when booted with `test`.
    Call jacinth_translate(resource: handle, addr: vaddr, options: u32, par: (out "uint64_t")) -> Status ["SYSTEM/DEBUG"];
    /// Makes a job.
    Call job_create(parent: handle, options: u32, out: (out "zx_handle_t")) -> Status ["MANAGE_JOB on parent"];
    /// Names the process whose death ends a job.
    Call job_set_critical(job: handle, options: u32, process: handle) -> Status ["DESTROY on job; WAIT on process"];
    /// Sets what the processes of a job may do.
    Call job_set_policy(job: handle, options: u32, topic: u32, policy: in, count: u32) -> Status ["SET_POLICY on job"];
    /// Sleeps until a deadline.
    Blocking nanosleep(deadline: time) -> Status [""];
    /// Gives a handle to a child by its koid.
    Call object_get_child(handle: handle, koid: u64, rights: u32, out: (out "zx_handle_t")) -> Status ["ENUMERATE on handle"];
    /// Tells about an object.
    Call object_get_info(handle: handle, topic: u32, buffer: out, buffer_size: usize, actual: (out "size_t"), avail: (out "size_t")) -> Status ["INSPECT on handle, for most topics"];
    /// Reads a property.
    Call object_get_property(handle: handle, property: u32, value: out, value_size: usize) -> Status ["GET_PROPERTY on handle"];
    /// Sets a property.
    Call object_set_property(handle: handle, property: u32, value: in, value_size: usize) -> Status ["SET_PROPERTY on handle"];
    /// Clears and sets an object's user signals.
    Call object_signal(handle: handle, clear_mask: u32, set_mask: u32) -> Status ["SIGNAL on handle"];
    /// Clears and sets the user signals of the other end.
    Call object_signal_peer(handle: handle, clear_mask: u32, set_mask: u32) -> Status ["SIGNAL_PEER on handle"];
    /// Queues a packet when an object's signals match.
    Call object_wait_async(handle: handle, port: handle, key: u64, signals: u32, options: u32) -> Status ["WAIT on handle; WRITE on port"];
    /// Waits for any of many objects.
    Blocking object_wait_many(items: (inout "zx_wait_item_t"), num_items: usize, deadline: time) -> Status ["WAIT on each handle"];
    /// Waits until an object has one of some signals.
    Blocking object_wait_one(handle: handle, signals: u32, deadline: time, observed: (out "zx_signals_t")) -> Status ["WAIT on handle"];
    /// Unpins pages and closes the handle.
    Call pmt_unpin(handle: handle) -> Status [""];
    /// Takes back packets.
    Call port_cancel(handle: handle, source: handle, key: u64) -> Status ["WRITE on handle; WAIT on source"];
    /// Takes back packets by key.
    Call port_cancel_key(handle: handle, options: u32, key: u64) -> Status ["WRITE on handle"];
    /// Makes a port.
    Call port_create(options: u32, out: (out "zx_handle_t")) -> Status [""];
    /// Queues a packet.
    Call port_queue(handle: handle, packet: (in "zx_port_packet_t")) -> Status ["WRITE on handle"];
    /// Waits for a packet.
    Blocking port_wait(handle: handle, deadline: time, packet: (out "zx_port_packet_t")) -> Status ["READ on handle"];
    /// Makes a process and its root VMAR.
    Call process_create(job: handle, name: str, name_size: usize, options: u32, process: (out "zx_handle_t"), root_vmar: (out "zx_handle_t")) -> Status ["MANAGE_PROCESS on job"];
    /// Ends the calling process.
    NoReturn process_exit(retcode: i64) -> Void [""];
    /// Reads another process's memory.
    Call process_read_memory(handle: handle, addr: vaddr, buffer: out, buffer_size: usize, actual: (out "size_t")) -> Status ["READ and WRITE on handle"];
    /// Starts a process with its first thread.
    Call process_start(handle: handle, thread: handle, entry: vaddr, stack: vaddr, arg1: handle, arg2: uintptr) -> Status ["WRITE on handle and thread; TRANSFER on arg1"];
    /// Writes another process's memory.
    Call process_write_memory(handle: handle, addr: vaddr, buffer: in, buffer_size: usize, actual: (out "size_t")) -> Status ["WRITE on handle"];
    /// Makes a scheduling profile.
    Call profile_create(resource: handle, options: u32, profile: (in "zx_profile_info_t"), out: (out "zx_handle_t")) -> Status ["SYSTEM/PROFILE"];
    /// Makes a resource from its parent.
    Call resource_create(parent: handle, options: u32, base: u64, size: usize, name: str, name_size: usize, out: (out "zx_handle_t")) -> Status ["WRITE on parent"];
    /// Makes a secure monitor call.
    Call smc_call(resource: handle, parameters: (in "zx_smc_parameters_t"), result: (out "zx_smc_result_t")) -> Status ["SMC resource that holds the service"];
    /// Makes a socket.
    Call socket_create(options: u32, out0: (out "zx_handle_t"), out1: (out "zx_handle_t")) -> Status [""];
    /// Reads from a socket.
    Call socket_read(handle: handle, options: u32, buffer: out, buffer_size: usize, actual: (out "size_t")) -> Status ["READ on handle"];
    /// Stops one direction of a socket, or starts it again.
    Call socket_set_disposition(handle: handle, disposition: u32, disposition_peer: u32) -> Status ["MANAGE_SOCKET on handle"];
    /// Writes to a socket.
    Call socket_write(handle: handle, options: u32, buffer: in, buffer_size: usize, actual: (out "size_t")) -> Status ["WRITE on handle"];
    /// Powers off or restarts the machine.
    Call system_powerctl(resource: handle, command: u32, argument: (in "zx_system_powerctl_arg_t")) -> Status ["SYSTEM/POWER"];
    /// Makes the channel on which a task's exceptions arrive.
    Call task_create_exception_channel(handle: handle, options: u32, out: (out "zx_handle_t")) -> Status ["INSPECT, DUPLICATE, TRANSFER and MANAGE_THREAD on handle"];
    /// Kills a job, process or thread.
    Call task_kill(handle: handle) -> Status ["DESTROY on handle"];
    /// Suspends a process or thread.
    Call task_suspend(handle: handle, token: (out "zx_handle_t")) -> Status ["WRITE on handle"];
    /// Makes a thread.
    Call thread_create(process: handle, name: str, name_size: usize, options: u32, out: (out "zx_handle_t")) -> Status ["MANAGE_THREAD on process"];
    /// Ends the calling thread.
    NoReturn thread_exit() -> Void [""];
    /// Lets another thread run.
    Call thread_legacy_yield(options: u32) -> Status [""];
    /// Reads a stopped thread's registers.
    Call thread_read_state(handle: handle, kind: u32, buffer: out, buffer_size: usize) -> Status ["READ on handle"];
    /// Starts a thread.
    Call thread_start(handle: handle, entry: vaddr, stack: vaddr, arg1: uintptr, arg2: uintptr) -> Status ["MANAGE_THREAD on handle"];
    /// Writes a stopped thread's registers.
    Call thread_write_state(handle: handle, kind: u32, buffer: in, buffer_size: usize) -> Status ["WRITE on handle"];
    /// Disarms a timer.
    Call timer_cancel(handle: handle) -> Status ["WRITE on handle"];
    /// Makes a timer.
    Call timer_create(options: u32, clock_id: u32, out: (out "zx_handle_t")) -> Status [""];
    /// Arms a timer.
    Call timer_set(handle: handle, deadline: time, slack: i64) -> Status ["WRITE on handle"];
    /// Makes a child region.
    Call vmar_allocate(parent: handle, options: u32, offset: u64, size: u64, child: (out "zx_handle_t"), child_addr: (out "zx_vaddr_t")) -> Status ["READ, WRITE, EXECUTE on parent, as asked"];
    /// Unmaps a region and its children for good.
    Call vmar_destroy(handle: handle) -> Status ["OP_CHILDREN on handle"];
    /// Maps a VMO.
    Call vmar_map(handle: handle, options: u32, vmar_offset: u64, vmo: handle, vmo_offset: u64, len: u64, mapped_addr: (out "zx_vaddr_t")) -> Status ["MAP on vmo; READ, WRITE, EXECUTE on both, as asked"];
    /// Operates on the memory that is mapped in a range.
    Call vmar_op_range(handle: handle, op: u32, addr: vaddr, size: u64, buffer: (inout "void"), buffer_size: usize) -> Status ["as the operation needs"];
    /// Changes the permissions of mappings.
    Call vmar_protect(handle: handle, options: u32, addr: vaddr, len: u64) -> Status ["READ, WRITE, EXECUTE on handle, as asked"];
    /// Unmaps a range.
    Call vmar_unmap(handle: handle, addr: vaddr, len: u64) -> Status [""];
    /// Makes a VMO.
    Call vmo_create(size: u64, options: u32, out: (out "zx_handle_t")) -> Status [""];
    /// Makes a child of a VMO.
    Call vmo_create_child(handle: handle, options: u32, offset: u64, size: u64, out: (out "zx_handle_t")) -> Status ["DUPLICATE and READ on handle"];
    /// Makes a VMO of contiguous pages.
    Call vmo_create_contiguous(bti: handle, size: usize, alignment_log2: u32, out: (out "zx_handle_t")) -> Status ["MAP on bti"];
    /// Makes a VMO that stands for a range of physical memory.
    Call vmo_create_physical(resource: handle, paddr: paddr, size: usize, out: (out "zx_handle_t")) -> Status ["MMIO resource that holds the range"];
    /// Gives a VMO's size.
    Call vmo_get_size(handle: handle, size: (out "uint64_t")) -> Status [""];
    /// Gives the size of a VMO's content.
    Call vmo_get_stream_size(handle: handle, size: (out "uint64_t")) -> Status [""];
    /// Operates on a range of a VMO.
    Call vmo_op_range(handle: handle, op: u32, offset: u64, size: u64, buffer: (inout "void"), buffer_size: usize) -> Status ["as the operation needs"];
    /// Reads a VMO.
    Call vmo_read(handle: handle, buffer: out, offset: u64, buffer_size: usize) -> Status ["READ on handle"];
    /// Adds EXECUTE to a VMO's handle.
    Call vmo_replace_as_executable(handle: handle, vmex: handle, out: (out "zx_handle_t")) -> Status ["SYSTEM/VMEX"];
    /// Sets the memory type with which a VMO is mapped.
    Call vmo_set_cache_policy(handle: handle, cache_policy: u32) -> Status ["MAP on handle"];
    /// Sets a VMO's size.
    Call vmo_set_size(handle: handle, size: u64) -> Status ["WRITE and RESIZE on handle"];
    /// Sets the size of a VMO's content.
    Call vmo_set_stream_size(handle: handle, size: u64) -> Status ["WRITE on handle"];
    /// Writes a VMO.
    Call vmo_write(handle: handle, buffer: in, offset: u64, buffer_size: usize) -> Status ["WRITE on handle"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_found_by_its_number_and_only_by_it() {
        for (number, call) in SYSCALLS.iter().enumerate() {
            let sysno = Sysno::from_raw(number as u64).unwrap();
            assert_eq!(sysno as usize, number);
            assert_eq!(sysno.line().name, call.name);
            assert!(call.args.len() <= 8, "{} has more arguments than registers", call.name);
            assert!(call.summary.ends_with('.'), "{}", call.name);
        }
        assert_eq!(Sysno::from_raw(SYSCALLS.len() as u64), None);
        assert_eq!(Sysno::from_raw(1 << 31), None);
        assert_eq!(Sysno::from_raw(u64::MAX), None);
    }

    #[test]
    fn names_are_unique_and_ordered_within_their_kind() {
        let groups = [&SYSCALLS[..16], &SYSCALLS[16..]];
        assert!(groups[0].iter().all(|call| call.kind == Kind::VdsoOnly));
        assert!(groups[1].iter().all(|call| call.kind != Kind::VdsoOnly));
        assert!(groups[1].windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
