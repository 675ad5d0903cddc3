//! Every call of the vDSO as it is, without any check.
//!
//! Written from `abi::SYSCALLS` by the task runner; its test `the_raw_bindings_are_up_to_date` says how to
//! write it again.
#![allow(clippy::missing_safety_doc, reason = "a pointer must be valid for what its call does with it")]

use abi::Status;

#[link(name = "zircon", kind = "dylib")]
unsafe extern "C" {
    /// Reads the boot clock.
    pub fn zx_clock_get_boot() -> i64;
    /// Reads the monotonic clock.
    pub fn zx_clock_get_monotonic() -> i64;
    /// Fills a buffer with random bytes; a buffer that cannot be written ends the program.
    pub fn zx_cprng_draw(buffer: *mut u8, buffer_size: usize);
    /// Gives the deadline that lies this many nanoseconds ahead.
    pub fn zx_deadline_after(nanoseconds: i64) -> i64;
    /// Reads the counter of the monotonic clock.
    pub fn zx_ticks_get() -> i64;
    /// Reads the counter of the boot clock.
    pub fn zx_ticks_get_boot() -> i64;
    /// Gives the counter's frequency.
    pub fn zx_ticks_per_second() -> i64;
    /// Cleans or invalidates caches by address.
    pub fn zx_cache_flush(addr: *const u8, size: usize, options: u32) -> Status;
    /// Gives the size of the smallest data cache line.
    pub fn zx_system_get_dcache_line_size() -> u32;
    /// Gives the CPU's features.
    pub fn zx_system_get_features(kind: u32, features: *mut u32) -> Status;
    /// Gives the number of CPUs.
    pub fn zx_system_get_num_cpus() -> u32;
    /// Gives the page size.
    pub fn zx_system_get_page_size() -> u32;
    /// Gives the bytes of RAM.
    pub fn zx_system_get_physmem() -> u64;
    /// Gives the kernel's version.
    pub fn zx_system_get_version_string() -> *const u8;
    /// Stores a futex's new value, wakes waiters, closes a handle and ends the calling thread.
    pub fn zx_futex_wake_handle_close_thread_exit(value_ptr: *const i32, wake_count: u32, new_value: i32, close_handle: u32);
    /// Unmaps a range, closes a handle and ends the calling thread, whose stack may lie in the range.
    pub fn zx_vmar_unmap_handle_close_thread_exit(handle: u32, addr: u64, len: u64, close_handle: u32) -> Status;
    /// Makes the shared buffer for DMA of a device.
    pub fn zx_bti_create(iommu: u32, options: u32, bti_id: u64, out: *mut u32) -> Status;
    /// Pins pages for DMA.
    pub fn zx_bti_pin(handle: u32, options: u32, vmo: u32, offset: u64, size: u64, addrs: *mut u64, num_addrs: usize, pmt: *mut u32) -> Status;
    /// Releases the pages of pins that were never undone.
    pub fn zx_bti_release_quarantine(handle: u32) -> Status;
    /// Sends a message and waits for its answer.
    pub fn zx_channel_call(handle: u32, options: u32, deadline: i64, args: *const u8, actual_bytes: *mut u32, actual_handles: *mut u32) -> Status;
    /// Makes a channel.
    pub fn zx_channel_create(options: u32, out0: *mut u32, out1: *mut u32) -> Status;
    /// Takes the next message.
    pub fn zx_channel_read(handle: u32, options: u32, bytes: *mut u8, handles: *mut u32, num_bytes: u32, num_handles: u32, actual_bytes: *mut u32, actual_handles: *mut u32) -> Status;
    /// Takes the next message and tells about its handles.
    pub fn zx_channel_read_etc(handle: u32, options: u32, bytes: *mut u8, handles: *mut u8, num_bytes: u32, num_handles: u32, actual_bytes: *mut u32, actual_handles: *mut u32) -> Status;
    /// Sends a message.
    pub fn zx_channel_write(handle: u32, options: u32, bytes: *const u8, num_bytes: u32, handles: *const u32, num_handles: u32) -> Status;
    /// Sends a message whose handles are moved or duplicated.
    pub fn zx_channel_write_etc(handle: u32, options: u32, bytes: *const u8, num_bytes: u32, handles: *mut u8, num_handles: u32) -> Status;
    /// Adds to the generator's entropy.
    pub fn zx_cprng_add_entropy(buffer: *const u8, buffer_size: usize) -> Status;
    /// Draws random bytes.
    pub fn zx_cprng_draw_once(buffer: *mut u8, buffer_size: usize) -> Status;
    /// Writes to the serial console as it is.
    pub fn zx_debug_write(buffer: *const u8, buffer_size: usize) -> Status;
    /// Opens the log.
    pub fn zx_debuglog_create(resource: u32, options: u32, out: *mut u32) -> Status;
    /// Reads the next record of the log; gives its bytes.
    pub fn zx_debuglog_read(handle: u32, options: u32, buffer: *mut u8, buffer_size: usize) -> Status;
    /// Writes a record to the log.
    pub fn zx_debuglog_write(handle: u32, options: u32, buffer: *const u8, buffer_size: usize) -> Status;
    /// Makes an event.
    pub fn zx_event_create(options: u32, out: *mut u32) -> Status;
    /// Makes a pair of events.
    pub fn zx_eventpair_create(options: u32, out0: *mut u32, out1: *mut u32) -> Status;
    /// Gives the process of an exception.
    pub fn zx_exception_get_process(handle: u32, out: *mut u32) -> Status;
    /// Gives the thread of an exception.
    pub fn zx_exception_get_thread(handle: u32, out: *mut u32) -> Status;
    /// Makes a pair of fixed-size queues.
    pub fn zx_fifo_create(elem_count: usize, elem_size: usize, options: u32, out0: *mut u32, out1: *mut u32) -> Status;
    /// Reads elements.
    pub fn zx_fifo_read(handle: u32, elem_size: usize, data: *mut u8, count: usize, actual_count: *mut usize) -> Status;
    /// Writes elements.
    pub fn zx_fifo_write(handle: u32, elem_size: usize, data: *const u8, count: usize, actual_count: *mut usize) -> Status;
    /// Gives the owner of a futex.
    pub fn zx_futex_get_owner(value_ptr: *const i32, koid: *mut u64) -> Status;
    /// Wakes waiters and moves others to a second futex.
    pub fn zx_futex_requeue(value_ptr: *const i32, wake_count: u32, current_value: i32, requeue_ptr: *const i32, requeue_count: u32, new_requeue_owner: u32) -> Status;
    /// Waits while a futex has a value.
    pub fn zx_futex_wait(value_ptr: *const i32, current_value: i32, new_futex_owner: u32, deadline: i64) -> Status;
    /// Wakes waiters of a futex.
    pub fn zx_futex_wake(value_ptr: *const i32, wake_count: u32) -> Status;
    /// Wakes one waiter and makes it the owner.
    pub fn zx_futex_wake_single_owner(value_ptr: *const i32) -> Status;
    /// Tells whether a value is a live handle.
    pub fn zx_handle_check_valid(handle: u32) -> Status;
    /// Closes a handle.
    pub fn zx_handle_close(handle: u32) -> Status;
    /// Closes many handles.
    pub fn zx_handle_close_many(handles: *const u32, num_handles: usize) -> Status;
    /// Makes a second handle to an object, with the same rights or fewer.
    pub fn zx_handle_duplicate(handle: u32, rights: u32, out: *mut u32) -> Status;
    /// Replaces a handle by one with the same rights or fewer.
    pub fn zx_handle_replace(handle: u32, rights: u32, out: *mut u32) -> Status;
    /// Acknowledges an interrupt that is bound to a port.
    pub fn zx_interrupt_ack(handle: u32) -> Status;
    /// Binds an interrupt to a port, or unbinds it.
    pub fn zx_interrupt_bind(handle: u32, port: u32, key: u64, options: u32) -> Status;
    /// Makes an interrupt object.
    pub fn zx_interrupt_create(resource: u32, vector: u32, options: u32, out: *mut u32) -> Status;
    /// Detaches an interrupt object from its vector.
    pub fn zx_interrupt_destroy(handle: u32) -> Status;
    /// Fires a virtual interrupt.
    pub fn zx_interrupt_trigger(handle: u32, options: u32, timestamp: i64) -> Status;
    /// Waits for an interrupt.
    pub fn zx_interrupt_wait(handle: u32, timestamp: *mut i64) -> Status;
    /// Makes an IOMMU object.
    pub fn zx_iommu_create(resource: u32, kind: u32, desc: *const u8, desc_size: usize, out: *mut u32) -> Status;
    /// Ours: gives what the MMU makes of an address for EL0 (PAR_EL1); only when booted with `test`.
    pub fn zx_jacinth_translate(resource: u32, addr: u64, options: u32, par: *mut u64) -> Status;
    /// Makes a job.
    pub fn zx_job_create(parent: u32, options: u32, out: *mut u32) -> Status;
    /// Names the process whose death ends a job.
    pub fn zx_job_set_critical(job: u32, options: u32, process: u32) -> Status;
    /// Sets what the processes of a job may do.
    pub fn zx_job_set_policy(job: u32, options: u32, topic: u32, policy: *const u8, count: u32) -> Status;
    /// Sleeps until a deadline.
    pub fn zx_nanosleep(deadline: i64) -> Status;
    /// Gives a handle to a child by its koid.
    pub fn zx_object_get_child(handle: u32, koid: u64, rights: u32, out: *mut u32) -> Status;
    /// Tells about an object.
    pub fn zx_object_get_info(handle: u32, topic: u32, buffer: *mut u8, buffer_size: usize, actual: *mut usize, avail: *mut usize) -> Status;
    /// Reads a property.
    pub fn zx_object_get_property(handle: u32, property: u32, value: *mut u8, value_size: usize) -> Status;
    /// Sets a property.
    pub fn zx_object_set_property(handle: u32, property: u32, value: *const u8, value_size: usize) -> Status;
    /// Clears and sets an object's user signals.
    pub fn zx_object_signal(handle: u32, clear_mask: u32, set_mask: u32) -> Status;
    /// Clears and sets the user signals of the other end.
    pub fn zx_object_signal_peer(handle: u32, clear_mask: u32, set_mask: u32) -> Status;
    /// Queues a packet when an object's signals match.
    pub fn zx_object_wait_async(handle: u32, port: u32, key: u64, signals: u32, options: u32) -> Status;
    /// Waits for any of many objects.
    pub fn zx_object_wait_many(items: *mut u8, num_items: usize, deadline: i64) -> Status;
    /// Waits until an object has one of some signals.
    pub fn zx_object_wait_one(handle: u32, signals: u32, deadline: i64, observed: *mut u32) -> Status;
    /// Unpins pages and closes the handle.
    pub fn zx_pmt_unpin(handle: u32) -> Status;
    /// Takes back packets.
    pub fn zx_port_cancel(handle: u32, source: u32, key: u64) -> Status;
    /// Takes back packets by key.
    pub fn zx_port_cancel_key(handle: u32, options: u32, key: u64) -> Status;
    /// Makes a port.
    pub fn zx_port_create(options: u32, out: *mut u32) -> Status;
    /// Queues a packet.
    pub fn zx_port_queue(handle: u32, packet: *const u8) -> Status;
    /// Waits for a packet.
    pub fn zx_port_wait(handle: u32, deadline: i64, packet: *mut u8) -> Status;
    /// Makes a process and its root VMAR.
    pub fn zx_process_create(job: u32, name: *const u8, name_size: usize, options: u32, process: *mut u32, root_vmar: *mut u32) -> Status;
    /// Ends the calling process.
    pub fn zx_process_exit(retcode: i64) -> !;
    /// Reads another process's memory.
    pub fn zx_process_read_memory(handle: u32, addr: u64, buffer: *mut u8, buffer_size: usize, actual: *mut usize) -> Status;
    /// Starts a process with its first thread.
    pub fn zx_process_start(handle: u32, thread: u32, entry: u64, stack: u64, arg1: u32, arg2: usize) -> Status;
    /// Writes another process's memory.
    pub fn zx_process_write_memory(handle: u32, addr: u64, buffer: *const u8, buffer_size: usize, actual: *mut usize) -> Status;
    /// Makes a scheduling profile.
    pub fn zx_profile_create(resource: u32, options: u32, profile: *const u8, out: *mut u32) -> Status;
    /// Makes a resource from its parent.
    pub fn zx_resource_create(parent: u32, options: u32, base: u64, size: usize, name: *const u8, name_size: usize, out: *mut u32) -> Status;
    /// Makes a secure monitor call.
    pub fn zx_smc_call(resource: u32, parameters: *const u8, result: *mut u8) -> Status;
    /// Makes a socket.
    pub fn zx_socket_create(options: u32, out0: *mut u32, out1: *mut u32) -> Status;
    /// Reads from a socket.
    pub fn zx_socket_read(handle: u32, options: u32, buffer: *mut u8, buffer_size: usize, actual: *mut usize) -> Status;
    /// Stops one direction of a socket, or starts it again.
    pub fn zx_socket_set_disposition(handle: u32, disposition: u32, disposition_peer: u32) -> Status;
    /// Writes to a socket.
    pub fn zx_socket_write(handle: u32, options: u32, buffer: *const u8, buffer_size: usize, actual: *mut usize) -> Status;
    /// Powers off or restarts the machine.
    pub fn zx_system_powerctl(resource: u32, command: u32, argument: *const u8) -> Status;
    /// Makes the channel on which a task's exceptions arrive.
    pub fn zx_task_create_exception_channel(handle: u32, options: u32, out: *mut u32) -> Status;
    /// Kills a job, process or thread.
    pub fn zx_task_kill(handle: u32) -> Status;
    /// Suspends a process or thread.
    pub fn zx_task_suspend(handle: u32, token: *mut u32) -> Status;
    /// Makes a thread.
    pub fn zx_thread_create(process: u32, name: *const u8, name_size: usize, options: u32, out: *mut u32) -> Status;
    /// Ends the calling thread.
    pub fn zx_thread_exit() -> !;
    /// Lets another thread run.
    pub fn zx_thread_legacy_yield(options: u32) -> Status;
    /// Reads a stopped thread's registers.
    pub fn zx_thread_read_state(handle: u32, kind: u32, buffer: *mut u8, buffer_size: usize) -> Status;
    /// Starts a thread.
    pub fn zx_thread_start(handle: u32, entry: u64, stack: u64, arg1: usize, arg2: usize) -> Status;
    /// Writes a stopped thread's registers.
    pub fn zx_thread_write_state(handle: u32, kind: u32, buffer: *const u8, buffer_size: usize) -> Status;
    /// Disarms a timer.
    pub fn zx_timer_cancel(handle: u32) -> Status;
    /// Makes a timer.
    pub fn zx_timer_create(options: u32, clock_id: u32, out: *mut u32) -> Status;
    /// Arms a timer.
    pub fn zx_timer_set(handle: u32, deadline: i64, slack: i64) -> Status;
    /// Makes a child region.
    pub fn zx_vmar_allocate(parent: u32, options: u32, offset: u64, size: u64, child: *mut u32, child_addr: *mut u64) -> Status;
    /// Unmaps a region and its children for good.
    pub fn zx_vmar_destroy(handle: u32) -> Status;
    /// Maps a VMO.
    pub fn zx_vmar_map(handle: u32, options: u32, vmar_offset: u64, vmo: u32, vmo_offset: u64, len: u64, mapped_addr: *mut u64) -> Status;
    /// Operates on the memory that is mapped in a range.
    pub fn zx_vmar_op_range(handle: u32, op: u32, addr: u64, size: u64, buffer: *mut u8, buffer_size: usize) -> Status;
    /// Changes the permissions of mappings.
    pub fn zx_vmar_protect(handle: u32, options: u32, addr: u64, len: u64) -> Status;
    /// Unmaps a range.
    pub fn zx_vmar_unmap(handle: u32, addr: u64, len: u64) -> Status;
    /// Makes a VMO.
    pub fn zx_vmo_create(size: u64, options: u32, out: *mut u32) -> Status;
    /// Makes a child of a VMO.
    pub fn zx_vmo_create_child(handle: u32, options: u32, offset: u64, size: u64, out: *mut u32) -> Status;
    /// Makes a VMO of contiguous pages.
    pub fn zx_vmo_create_contiguous(bti: u32, size: usize, alignment_log2: u32, out: *mut u32) -> Status;
    /// Makes a VMO that stands for a range of physical memory.
    pub fn zx_vmo_create_physical(resource: u32, paddr: u64, size: usize, out: *mut u32) -> Status;
    /// Gives a VMO's size.
    pub fn zx_vmo_get_size(handle: u32, size: *mut u64) -> Status;
    /// Gives the size of a VMO's content.
    pub fn zx_vmo_get_stream_size(handle: u32, size: *mut u64) -> Status;
    /// Operates on a range of a VMO.
    pub fn zx_vmo_op_range(handle: u32, op: u32, offset: u64, size: u64, buffer: *mut u8, buffer_size: usize) -> Status;
    /// Reads a VMO.
    pub fn zx_vmo_read(handle: u32, buffer: *mut u8, offset: u64, buffer_size: usize) -> Status;
    /// Adds EXECUTE to a VMO's handle.
    pub fn zx_vmo_replace_as_executable(handle: u32, vmex: u32, out: *mut u32) -> Status;
    /// Sets the memory type with which a VMO is mapped.
    pub fn zx_vmo_set_cache_policy(handle: u32, cache_policy: u32) -> Status;
    /// Sets a VMO's size.
    pub fn zx_vmo_set_size(handle: u32, size: u64) -> Status;
    /// Sets the size of a VMO's content.
    pub fn zx_vmo_set_stream_size(handle: u32, size: u64) -> Status;
    /// Writes a VMO.
    pub fn zx_vmo_write(handle: u32, buffer: *const u8, offset: u64, buffer_size: usize) -> Status;
}
