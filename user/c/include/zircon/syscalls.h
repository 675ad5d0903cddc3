/* Every system call. A call that is listed and not built yet answers ZX_ERR_NOT_SUPPORTED.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_H_
#define ZIRCON_SYSCALLS_H_

#include <zircon/types.h>
#include <zircon/syscalls/object.h>
#include <zircon/syscalls/port.h>
#include <zircon/syscalls/profile.h>
#include <zircon/syscalls/resource.h>
#include <zircon/syscalls/smc.h>
#include <zircon/syscalls/system.h>

__BEGIN_CDECLS

/* Reads the boot clock. */
zx_time_t zx_clock_get_boot(void);

/* Reads the monotonic clock. */
zx_time_t zx_clock_get_monotonic(void);

/* Fills a buffer with random bytes; a buffer that cannot be written ends the program. */
void zx_cprng_draw(void* buffer, size_t buffer_size);

/* Gives the deadline that lies this many nanoseconds ahead. */
zx_time_t zx_deadline_after(zx_duration_t nanoseconds);

/* Reads the counter of the monotonic clock. */
zx_ticks_t zx_ticks_get(void);

/* Reads the counter of the boot clock. */
zx_ticks_t zx_ticks_get_boot(void);

/* Gives the counter's frequency. */
zx_ticks_t zx_ticks_per_second(void);

/* Cleans or invalidates caches by address. */
zx_status_t zx_cache_flush(const void* addr, size_t size, uint32_t options);

/* Gives the size of the smallest data cache line. */
uint32_t zx_system_get_dcache_line_size(void);

/* Gives the CPU's features. */
zx_status_t zx_system_get_features(uint32_t kind, uint32_t* features);

/* Gives the number of CPUs. */
uint32_t zx_system_get_num_cpus(void);

/* Gives the page size. */
uint32_t zx_system_get_page_size(void);

/* Gives the bytes of RAM. */
uint64_t zx_system_get_physmem(void);

/* Gives the kernel's version. */
const char* zx_system_get_version_string(void);

/* Stores a futex's new value, wakes waiters, closes a handle and ends the calling thread. */
void zx_futex_wake_handle_close_thread_exit(const zx_futex_t* value_ptr, uint32_t wake_count, int32_t new_value, zx_handle_t close_handle);

/* Unmaps a range, closes a handle and ends the calling thread, whose stack may lie in the range. */
zx_status_t zx_vmar_unmap_handle_close_thread_exit(zx_handle_t handle, zx_vaddr_t addr, uint64_t len, zx_handle_t close_handle);

/* Makes the shared buffer for DMA of a device. */
zx_status_t zx_bti_create(zx_handle_t iommu, uint32_t options, uint64_t bti_id, zx_handle_t* out);

/* Pins pages for DMA. Rights: MAP on handle; MAP and READ or WRITE on vmo. */
zx_status_t zx_bti_pin(zx_handle_t handle, uint32_t options, zx_handle_t vmo, uint64_t offset, uint64_t size, zx_paddr_t* addrs, size_t num_addrs, zx_handle_t* pmt);

/* Releases the pages of pins that were never undone. Rights: WRITE on handle. */
zx_status_t zx_bti_release_quarantine(zx_handle_t handle);

/* Sends a message and waits for its answer. Rights: READ and WRITE on handle. */
zx_status_t zx_channel_call(zx_handle_t handle, uint32_t options, zx_time_t deadline, const zx_channel_call_args_t* args, uint32_t* actual_bytes, uint32_t* actual_handles);

/* Makes a channel. */
zx_status_t zx_channel_create(uint32_t options, zx_handle_t* out0, zx_handle_t* out1);

/* Takes the next message. Rights: READ on handle. */
zx_status_t zx_channel_read(zx_handle_t handle, uint32_t options, void* bytes, zx_handle_t* handles, uint32_t num_bytes, uint32_t num_handles, uint32_t* actual_bytes, uint32_t* actual_handles);

/* Takes the next message and tells about its handles. Rights: READ on handle. */
zx_status_t zx_channel_read_etc(zx_handle_t handle, uint32_t options, void* bytes, zx_handle_info_t* handles, uint32_t num_bytes, uint32_t num_handles, uint32_t* actual_bytes, uint32_t* actual_handles);

/* Sends a message. Rights: WRITE on handle; TRANSFER on each handle sent. */
zx_status_t zx_channel_write(zx_handle_t handle, uint32_t options, const void* bytes, uint32_t num_bytes, const zx_handle_t* handles, uint32_t num_handles);

/* Sends a message whose handles are moved or duplicated. Rights: WRITE on handle; TRANSFER on each handle sent. */
zx_status_t zx_channel_write_etc(zx_handle_t handle, uint32_t options, const void* bytes, uint32_t num_bytes, zx_handle_disposition_t* handles, uint32_t num_handles);

/* Adds to the generator's entropy. */
zx_status_t zx_cprng_add_entropy(const void* buffer, size_t buffer_size);

/* Draws random bytes. */
zx_status_t zx_cprng_draw_once(void* buffer, size_t buffer_size);

/* Writes to the serial console as it is. */
zx_status_t zx_debug_write(const void* buffer, size_t buffer_size);

/* Opens the log. Rights: SYSTEM/DEBUGLOG. */
zx_status_t zx_debuglog_create(zx_handle_t resource, uint32_t options, zx_handle_t* out);

/* Reads the next record of the log; gives its bytes. Rights: READ on handle. */
zx_status_t zx_debuglog_read(zx_handle_t handle, uint32_t options, void* buffer, size_t buffer_size);

/* Writes a record to the log. Rights: WRITE on handle. */
zx_status_t zx_debuglog_write(zx_handle_t handle, uint32_t options, const void* buffer, size_t buffer_size);

/* Makes an event. */
zx_status_t zx_event_create(uint32_t options, zx_handle_t* out);

/* Makes a pair of events. */
zx_status_t zx_eventpair_create(uint32_t options, zx_handle_t* out0, zx_handle_t* out1);

/* Gives the process of an exception. */
zx_status_t zx_exception_get_process(zx_handle_t handle, zx_handle_t* out);

/* Gives the thread of an exception. */
zx_status_t zx_exception_get_thread(zx_handle_t handle, zx_handle_t* out);

/* Makes a pair of fixed-size queues. */
zx_status_t zx_fifo_create(size_t elem_count, size_t elem_size, uint32_t options, zx_handle_t* out0, zx_handle_t* out1);

/* Reads elements. Rights: READ on handle. */
zx_status_t zx_fifo_read(zx_handle_t handle, size_t elem_size, void* data, size_t count, size_t* actual_count);

/* Writes elements. Rights: WRITE on handle. */
zx_status_t zx_fifo_write(zx_handle_t handle, size_t elem_size, const void* data, size_t count, size_t* actual_count);

/* Gives the owner of a futex. */
zx_status_t zx_futex_get_owner(const zx_futex_t* value_ptr, zx_koid_t* koid);

/* Wakes waiters and moves others to a second futex. */
zx_status_t zx_futex_requeue(const zx_futex_t* value_ptr, uint32_t wake_count, zx_futex_t current_value, const zx_futex_t* requeue_ptr, uint32_t requeue_count, zx_handle_t new_requeue_owner);

/* Waits while a futex has a value. */
zx_status_t zx_futex_wait(const zx_futex_t* value_ptr, zx_futex_t current_value, zx_handle_t new_futex_owner, zx_time_t deadline);

/* Wakes waiters of a futex. */
zx_status_t zx_futex_wake(const zx_futex_t* value_ptr, uint32_t wake_count);

/* Wakes one waiter and makes it the owner. */
zx_status_t zx_futex_wake_single_owner(const zx_futex_t* value_ptr);

/* Tells whether a value is a live handle. */
zx_status_t zx_handle_check_valid(zx_handle_t handle);

/* Closes a handle. */
zx_status_t zx_handle_close(zx_handle_t handle);

/* Closes many handles. */
zx_status_t zx_handle_close_many(const zx_handle_t* handles, size_t num_handles);

/* Makes a second handle to an object, with the same rights or fewer. Rights: DUPLICATE on handle. */
zx_status_t zx_handle_duplicate(zx_handle_t handle, zx_rights_t rights, zx_handle_t* out);

/* Replaces a handle by one with the same rights or fewer. */
zx_status_t zx_handle_replace(zx_handle_t handle, zx_rights_t rights, zx_handle_t* out);

/* Acknowledges an interrupt that is bound to a port. Rights: WRITE on handle. */
zx_status_t zx_interrupt_ack(zx_handle_t handle);

/* Binds an interrupt to a port, or unbinds it. Rights: READ on handle; WRITE on port. */
zx_status_t zx_interrupt_bind(zx_handle_t handle, zx_handle_t port, uint64_t key, uint32_t options);

/* Makes an interrupt object. Rights: IRQ resource that holds the vector. */
zx_status_t zx_interrupt_create(zx_handle_t resource, uint32_t vector, uint32_t options, zx_handle_t* out);

/* Detaches an interrupt object from its vector. */
zx_status_t zx_interrupt_destroy(zx_handle_t handle);

/* Fires a virtual interrupt. Rights: SIGNAL on handle. */
zx_status_t zx_interrupt_trigger(zx_handle_t handle, uint32_t options, zx_time_t timestamp);

/* Waits for an interrupt. Rights: WAIT on handle. */
zx_status_t zx_interrupt_wait(zx_handle_t handle, zx_time_t* timestamp);

/* Makes an IOMMU object. Rights: SYSTEM/IOMMU. */
zx_status_t zx_iommu_create(zx_handle_t resource, uint32_t kind, const void* desc, size_t desc_size, zx_handle_t* out);

/* Ours: gives what the MMU makes of an address for EL0 (PAR_EL1); only when booted with `test`. Rights: SYSTEM/DEBUG. */
zx_status_t zx_jacinth_translate(zx_handle_t resource, zx_vaddr_t addr, uint32_t options, uint64_t* par);

/* Makes a job. Rights: MANAGE_JOB on parent. */
zx_status_t zx_job_create(zx_handle_t parent, uint32_t options, zx_handle_t* out);

/* Names the process whose death ends a job. Rights: DESTROY on job; WAIT on process. */
zx_status_t zx_job_set_critical(zx_handle_t job, uint32_t options, zx_handle_t process);

/* Sets what the processes of a job may do. Rights: SET_POLICY on job. */
zx_status_t zx_job_set_policy(zx_handle_t job, uint32_t options, uint32_t topic, const void* policy, uint32_t count);

/* Sleeps until a deadline. */
zx_status_t zx_nanosleep(zx_time_t deadline);

/* Gives a handle to a child by its koid. Rights: ENUMERATE on handle. */
zx_status_t zx_object_get_child(zx_handle_t handle, zx_koid_t koid, zx_rights_t rights, zx_handle_t* out);

/* Tells about an object. Rights: INSPECT on handle, for most topics. */
zx_status_t zx_object_get_info(zx_handle_t handle, uint32_t topic, void* buffer, size_t buffer_size, size_t* actual, size_t* avail);

/* Reads a property. Rights: GET_PROPERTY on handle. */
zx_status_t zx_object_get_property(zx_handle_t handle, uint32_t property, void* value, size_t value_size);

/* Sets a property. Rights: SET_PROPERTY on handle. */
zx_status_t zx_object_set_property(zx_handle_t handle, uint32_t property, const void* value, size_t value_size);

/* Clears and sets an object's user signals. Rights: SIGNAL on handle. */
zx_status_t zx_object_signal(zx_handle_t handle, zx_signals_t clear_mask, zx_signals_t set_mask);

/* Clears and sets the user signals of the other end. Rights: SIGNAL_PEER on handle. */
zx_status_t zx_object_signal_peer(zx_handle_t handle, zx_signals_t clear_mask, zx_signals_t set_mask);

/* Queues a packet when an object's signals match. Rights: WAIT on handle; WRITE on port. */
zx_status_t zx_object_wait_async(zx_handle_t handle, zx_handle_t port, uint64_t key, zx_signals_t signals, uint32_t options);

/* Waits for any of many objects. Rights: WAIT on each handle. */
zx_status_t zx_object_wait_many(zx_wait_item_t* items, size_t num_items, zx_time_t deadline);

/* Waits until an object has one of some signals. Rights: WAIT on handle. */
zx_status_t zx_object_wait_one(zx_handle_t handle, zx_signals_t signals, zx_time_t deadline, zx_signals_t* observed);

/* Unpins pages and closes the handle. */
zx_status_t zx_pmt_unpin(zx_handle_t handle);

/* Takes back packets. Rights: WRITE on handle; WAIT on source. */
zx_status_t zx_port_cancel(zx_handle_t handle, zx_handle_t source, uint64_t key);

/* Takes back packets by key. Rights: WRITE on handle. */
zx_status_t zx_port_cancel_key(zx_handle_t handle, uint32_t options, uint64_t key);

/* Makes a port. */
zx_status_t zx_port_create(uint32_t options, zx_handle_t* out);

/* Queues a packet. Rights: WRITE on handle. */
zx_status_t zx_port_queue(zx_handle_t handle, const zx_port_packet_t* packet);

/* Waits for a packet. Rights: READ on handle. */
zx_status_t zx_port_wait(zx_handle_t handle, zx_time_t deadline, zx_port_packet_t* packet);

/* Makes a process and its root VMAR. Rights: MANAGE_PROCESS on job. */
zx_status_t zx_process_create(zx_handle_t job, const char* name, size_t name_size, uint32_t options, zx_handle_t* process, zx_handle_t* root_vmar);

/* Ends the calling process. */
__NO_RETURN void zx_process_exit(int64_t retcode);

/* Reads another process's memory. Rights: READ and WRITE on handle. */
zx_status_t zx_process_read_memory(zx_handle_t handle, zx_vaddr_t addr, void* buffer, size_t buffer_size, size_t* actual);

/* Starts a process with its first thread. Rights: WRITE on handle and thread; TRANSFER on arg1. */
zx_status_t zx_process_start(zx_handle_t handle, zx_handle_t thread, zx_vaddr_t entry, zx_vaddr_t stack, zx_handle_t arg1, uintptr_t arg2);

/* Writes another process's memory. Rights: WRITE on handle. */
zx_status_t zx_process_write_memory(zx_handle_t handle, zx_vaddr_t addr, const void* buffer, size_t buffer_size, size_t* actual);

/* Makes a scheduling profile. Rights: SYSTEM/PROFILE. */
zx_status_t zx_profile_create(zx_handle_t resource, uint32_t options, const zx_profile_info_t* profile, zx_handle_t* out);

/* Makes a resource from its parent. Rights: WRITE on parent. */
zx_status_t zx_resource_create(zx_handle_t parent, uint32_t options, uint64_t base, size_t size, const char* name, size_t name_size, zx_handle_t* out);

/* Makes a secure monitor call. Rights: SMC resource that holds the service. */
zx_status_t zx_smc_call(zx_handle_t resource, const zx_smc_parameters_t* parameters, zx_smc_result_t* result);

/* Makes a socket. */
zx_status_t zx_socket_create(uint32_t options, zx_handle_t* out0, zx_handle_t* out1);

/* Reads from a socket. Rights: READ on handle. */
zx_status_t zx_socket_read(zx_handle_t handle, uint32_t options, void* buffer, size_t buffer_size, size_t* actual);

/* Stops one direction of a socket, or starts it again. Rights: MANAGE_SOCKET on handle. */
zx_status_t zx_socket_set_disposition(zx_handle_t handle, uint32_t disposition, uint32_t disposition_peer);

/* Writes to a socket. Rights: WRITE on handle. */
zx_status_t zx_socket_write(zx_handle_t handle, uint32_t options, const void* buffer, size_t buffer_size, size_t* actual);

/* Powers off or restarts the machine. Rights: SYSTEM/POWER. */
zx_status_t zx_system_powerctl(zx_handle_t resource, uint32_t command, const zx_system_powerctl_arg_t* argument);

/* Makes the channel on which a task's exceptions arrive. Rights: INSPECT, DUPLICATE, TRANSFER and MANAGE_THREAD on handle. */
zx_status_t zx_task_create_exception_channel(zx_handle_t handle, uint32_t options, zx_handle_t* out);

/* Kills a job, process or thread. Rights: DESTROY on handle. */
zx_status_t zx_task_kill(zx_handle_t handle);

/* Suspends a process or thread. Rights: WRITE on handle. */
zx_status_t zx_task_suspend(zx_handle_t handle, zx_handle_t* token);

/* Makes a thread. Rights: MANAGE_THREAD on process. */
zx_status_t zx_thread_create(zx_handle_t process, const char* name, size_t name_size, uint32_t options, zx_handle_t* out);

/* Ends the calling thread. */
__NO_RETURN void zx_thread_exit(void);

/* Lets another thread run. */
zx_status_t zx_thread_legacy_yield(uint32_t options);

/* Reads a stopped thread's registers. Rights: READ on handle. */
zx_status_t zx_thread_read_state(zx_handle_t handle, uint32_t kind, void* buffer, size_t buffer_size);

/* Starts a thread. Rights: MANAGE_THREAD on handle. */
zx_status_t zx_thread_start(zx_handle_t handle, zx_vaddr_t entry, zx_vaddr_t stack, uintptr_t arg1, uintptr_t arg2);

/* Writes a stopped thread's registers. Rights: WRITE on handle. */
zx_status_t zx_thread_write_state(zx_handle_t handle, uint32_t kind, const void* buffer, size_t buffer_size);

/* Disarms a timer. Rights: WRITE on handle. */
zx_status_t zx_timer_cancel(zx_handle_t handle);

/* Makes a timer. */
zx_status_t zx_timer_create(uint32_t options, zx_clock_t clock_id, zx_handle_t* out);

/* Arms a timer. Rights: WRITE on handle. */
zx_status_t zx_timer_set(zx_handle_t handle, zx_time_t deadline, zx_duration_t slack);

/* Makes a child region. Rights: READ, WRITE, EXECUTE on parent, as asked. */
zx_status_t zx_vmar_allocate(zx_handle_t parent, uint32_t options, uint64_t offset, uint64_t size, zx_handle_t* child, zx_vaddr_t* child_addr);

/* Unmaps a region and its children for good. Rights: OP_CHILDREN on handle. */
zx_status_t zx_vmar_destroy(zx_handle_t handle);

/* Maps a VMO. Rights: MAP on vmo; READ, WRITE, EXECUTE on both, as asked. */
zx_status_t zx_vmar_map(zx_handle_t handle, uint32_t options, uint64_t vmar_offset, zx_handle_t vmo, uint64_t vmo_offset, uint64_t len, zx_vaddr_t* mapped_addr);

/* Operates on the memory that is mapped in a range. Rights: as the operation needs. */
zx_status_t zx_vmar_op_range(zx_handle_t handle, uint32_t op, zx_vaddr_t addr, uint64_t size, void* buffer, size_t buffer_size);

/* Changes the permissions of mappings. Rights: READ, WRITE, EXECUTE on handle, as asked. */
zx_status_t zx_vmar_protect(zx_handle_t handle, uint32_t options, zx_vaddr_t addr, uint64_t len);

/* Unmaps a range. */
zx_status_t zx_vmar_unmap(zx_handle_t handle, zx_vaddr_t addr, uint64_t len);

/* Makes a VMO. */
zx_status_t zx_vmo_create(uint64_t size, uint32_t options, zx_handle_t* out);

/* Makes a child of a VMO. Rights: DUPLICATE and READ on handle. */
zx_status_t zx_vmo_create_child(zx_handle_t handle, uint32_t options, uint64_t offset, uint64_t size, zx_handle_t* out);

/* Makes a VMO of contiguous pages. Rights: MAP on bti. */
zx_status_t zx_vmo_create_contiguous(zx_handle_t bti, size_t size, uint32_t alignment_log2, zx_handle_t* out);

/* Makes a VMO that stands for a range of physical memory. Rights: MMIO resource that holds the range. */
zx_status_t zx_vmo_create_physical(zx_handle_t resource, zx_paddr_t paddr, size_t size, zx_handle_t* out);

/* Gives a VMO's size. */
zx_status_t zx_vmo_get_size(zx_handle_t handle, uint64_t* size);

/* Gives the size of a VMO's content. */
zx_status_t zx_vmo_get_stream_size(zx_handle_t handle, uint64_t* size);

/* Operates on a range of a VMO. Rights: as the operation needs. */
zx_status_t zx_vmo_op_range(zx_handle_t handle, uint32_t op, uint64_t offset, uint64_t size, void* buffer, size_t buffer_size);

/* Reads a VMO. Rights: READ on handle. */
zx_status_t zx_vmo_read(zx_handle_t handle, void* buffer, uint64_t offset, size_t buffer_size);

/* Adds EXECUTE to a VMO's handle. Rights: SYSTEM/VMEX. */
zx_status_t zx_vmo_replace_as_executable(zx_handle_t handle, zx_handle_t vmex, zx_handle_t* out);

/* Sets the memory type with which a VMO is mapped. Rights: MAP on handle. */
zx_status_t zx_vmo_set_cache_policy(zx_handle_t handle, uint32_t cache_policy);

/* Sets a VMO's size. Rights: WRITE and RESIZE on handle. */
zx_status_t zx_vmo_set_size(zx_handle_t handle, uint64_t size);

/* Sets the size of a VMO's content. Rights: WRITE on handle. */
zx_status_t zx_vmo_set_stream_size(zx_handle_t handle, uint64_t size);

/* Writes a VMO. Rights: WRITE on handle. */
zx_status_t zx_vmo_write(zx_handle_t handle, const void* buffer, uint64_t offset, size_t buffer_size);

__END_CDECLS

#endif /* ZIRCON_SYSCALLS_H_ */
