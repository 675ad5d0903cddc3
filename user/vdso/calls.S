// The calls that the vDSO answers by itself, without entering the kernel.
//
// The task runner assembles this file together with the stubs that it makes from the list of system calls.
// Offsets of the constants (TICKS_PER_SECOND and so on) come from abi::vdso::Constants as symbols. But for the three
// that make calls, no function here has a frame or touches memory other than its arguments and the constants page.

// function NAME: begins an exported function.
.macro function name
    .globl \name
    .type \name, %function
    .p2align 4
\name:
.endm

// end NAME: closes it. The speculation barrier stops a CPU that runs past the return.
.macro end name
    dsb nsh
    isb
    .size \name, . - \name
.endm

// load REG, OFFSET: reads a constant; x9 is lost.
.macro load register, offset
    adrp x9, jacinth_vdso_constants
    ldr \register, [x9, #\offset]
.endm

// int64_t zx_ticks_get(void)
//
// The ISB keeps the counter from being read before what comes earlier in program order (Arm ARM D12.1.2).
.macro counter
    isb
    mrs x0, CNTVCT_EL0
.endm

function zx_ticks_get
    counter
    ret
end zx_ticks_get

// Nothing suspends this machine: the boot counter is the same one.
function zx_ticks_get_boot
    counter
    ret
end zx_ticks_get_boot

function zx_ticks_per_second
    load x0, TICKS_PER_SECOND
    ret
end zx_ticks_per_second

// int64_t zx_clock_get_monotonic(void): the counter times nanoseconds a tick, a 64.32 fixed-point number.
//
// The 128-bit product is shifted right by 32 and saturates at INT64_MAX, exactly as abi::time::TickScale does
// in the kernel: a deadline read from this clock means the same there.
.macro nanoseconds
    counter
    load x1, NANOS_PER_TICK_Q32
    umulh x2, x0, x1
    mul x0, x0, x1
    extr x0, x2, x0, #32
    lsr x2, x2, #31             // what does not fit in 63 bits
    mov x1, #0x7fffffffffffffff
    cmp x2, #0
    csel x0, x0, x1, eq
.endm

function zx_clock_get_monotonic
    nanoseconds
    ret
end zx_clock_get_monotonic

function zx_clock_get_boot
    nanoseconds
    ret
end zx_clock_get_boot

// zx_time_t zx_deadline_after(zx_duration_t): now plus a duration, saturating at both ends.
function zx_deadline_after
    mov x10, x0
    nanoseconds
    adds x0, x0, x10
    b.vc 1f
    // Now is never negative, so only a sum above the largest time overflows.
    mov x0, #0x7fffffffffffffff
1:  ret
end zx_deadline_after

// void zx_cprng_draw(void* buffer, size_t buffer_size)
//
// It has no way to tell of a failure, and
// bytes that are not random must not pass for such.
function zx_cprng_draw
    str x30, [sp, #-16]!
    bl zx_cprng_draw_once
    ldr x30, [sp], #16
    cbnz w0, 1f
    ret
1:  brk #0
end zx_cprng_draw

// void zx_futex_wake_handle_close_thread_exit(const zx_futex_t* value_ptr, uint32_t wake_count, int32_t new_value,
//                                             zx_handle_t close_handle)
//
// From the store on the thread's stack is another's, who may unmap it: what is still needed is kept where calls
// leave it alone.
function zx_futex_wake_handle_close_thread_exit
    mov w19, w3
    stlr w2, [x0]
    bl zx_futex_wake
    mov w0, w19
    bl zx_handle_close
    bl zx_thread_exit
    brk #0
end zx_futex_wake_handle_close_thread_exit

// zx_status_t zx_vmar_unmap_handle_close_thread_exit(zx_handle_t handle, zx_vaddr_t addr, uint64_t len,
//                                                    zx_handle_t close_handle)
//
// Only a failure returns, with the stack still there.
function zx_vmar_unmap_handle_close_thread_exit
    stp x19, x30, [sp, #-16]!
    mov w19, w3
    bl zx_vmar_unmap
    cbnz w0, 1f
    mov w0, w19
    bl zx_handle_close
    bl zx_thread_exit
    brk #0
1:  ldp x19, x30, [sp], #16
    ret
end zx_vmar_unmap_handle_close_thread_exit

function zx_system_get_page_size
    load w0, PAGE_SIZE
    ret
end zx_system_get_page_size

function zx_system_get_num_cpus
    load w0, NUM_CPUS
    ret
end zx_system_get_num_cpus

function zx_system_get_physmem
    load x0, PHYSMEM
    ret
end zx_system_get_physmem

function zx_system_get_dcache_line_size
    load w0, DCACHE_LINE_SIZE
    ret
end zx_system_get_dcache_line_size

function zx_system_get_version_string
    adrp x0, jacinth_vdso_constants
    add x0, x0, #VERSION
    ret
end zx_system_get_version_string

// zx_status_t zx_system_get_features(uint32_t kind, uint32_t* features)
//
// Kind 0 is the CPU. There are no hardware breakpoints (1) and watchpoints (2) for programs, no address
// tagging (3) and no mappings that can only be executed (4): these features are an empty set.
function zx_system_get_features
    cmp w0, #4
    b.hi 2f
    load w2, CPU_FEATURES
    cmp w0, #0
    csel w2, w2, wzr, eq
    str w2, [x1]
    mov w0, #0
    ret
2:  mov w0, #ZX_ERR_NOT_SUPPORTED
    ret
end zx_system_get_features

// zx_status_t zx_cache_flush(const void* addr, size_t len, uint32_t options)
//
// INSN 1: makes stored instructions visible to fetches. DATA 2: cleans to the point of coherency.
// DATA | INVALIDATE 6: cleans and invalidates. Valid options: 1, 2, 3, 6, 7. The kernel lets EL0 use these
// instructions (SCTLR_EL1.UCI) and keeps lines of at least the sizes in the constants.
.macro each_line operation, size_offset
    load w3, \size_offset
    sub x4, x3, #1
    bic x5, x0, x4              // the line that holds the first byte
1:  cmp x5, x6
    b.hs 2f
    \operation, x5
    add x5, x5, x3
    b 1b
2:
.endm

function zx_cache_flush
    sub w3, w2, #1
    cmp w3, #6
    b.hi 9f                     // 0, or above 7
    cmp w2, #4
    b.eq 9f                     // INVALIDATE alone
    cmp w2, #5
    b.eq 9f                     // INVALIDATE without DATA
    adds x6, x0, x1             // the end
    b.cs 9f                     // beyond the address space
    tbz w2, #1, 5f              // no DATA
    tbnz w2, #2, 4f             // INVALIDATE too
    each_line "dc cvac", DCACHE_LINE_SIZE
    b 5f
4:  each_line "dc civac", DCACHE_LINE_SIZE
5:  dsb ish
    tbz w2, #0, 8f              // no INSN
    each_line "dc cvau", DCACHE_LINE_SIZE
    dsb ish
    each_line "ic ivau", ICACHE_LINE_SIZE
    dsb ish
    isb
8:  mov w0, #0
    ret
9:  mov w0, #ZX_ERR_INVALID_ARGS
    ret
end zx_cache_flush
