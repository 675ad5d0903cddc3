// The exception vectors.
//
// From EL0 the CPU arrives with its stack pointer at the frame at the kernel stack's very top, which is of no use while
// EL0 runs. The vectors save abi::GeneralRegs, in its layout, and call Rust; when Rust returns, whatever the frame holds by
// then is resumed. A system call has its own path, because it is the one that is taken all the time: most
// return to the thread that made them, which needs only the registers that Rust may change. The others save the
// rest when that is known, with the kernel's lock still held.
//
// From EL1 an exception is a bug of the kernel, with two exceptions: guarded loads (trap.rs), and interrupts while the
// kernel's logic runs, which are looked at and left pending (watch.rs). A bug may be a stack that has run out, so it is
// handled on another one.
//
// An interrupt from EL1 overwrites ELR_EL1 and SPSR_EL1, so both are saved before interrupts are unmasked. The word
// above the frame says whether there was one (watch.rs), the next one where the first system call returns to in the
// program that runs (trap.rs, `note_calls`); then where the kernel's lock is, where in the kernel it says who has this
// CPU, and the CPU's number. They are part of no frame.

    .set    FRAME, {FRAME}
    .set    FRAME_LR, 240
    .set    FRAME_SP, 248
    .set    FRAME_PC, 256
    .set    FRAME_CPSR, 264
    .set    FRAME_TPIDR, 272
    .set    MARK, {MARK}
    .set    CALLS_FROM, {CALLS_FROM}
    .set    KERNEL, {KERNEL_WORD}
    .set    CALLER, {CALLER}

    .macro  save_2_to_15
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    .endm

    .macro  restore_2_to_17
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    .endm

    .macro  save_from_2
    save_2_to_15
    stp     x18, x19, [sp, #144]
    save_from_20
    .endm

    .macro  save_from_20
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    .endm

    .macro  restore_from_2
    ldp     x28, x29, [sp, #224]
    ldp     x26, x27, [sp, #208]
    ldp     x24, x25, [sp, #192]
    ldp     x22, x23, [sp, #176]
    ldp     x20, x21, [sp, #160]
    ldp     x18, x19, [sp, #144]
    restore_2_to_17
    .endm

    .macro  save_el0
    stp     x0, x1, [sp]
    save_from_2
    stp     x28, x29, [sp, #224]
    mrs     x2, sp_el0
    mrs     x3, elr_el1
    mrs     x4, spsr_el1
    mrs     x5, tpidr_el0
    stp     x30, x2, [sp, #FRAME_LR]
    stp     x3, x4, [sp, #FRAME_PC]
    str     x5, [sp, #FRAME_TPIDR]
    mov     x29, xzr                    // a backtrace of the kernel ends here
    mov     x0, sp
    .endm

// From EL1, on the CPU's emergency stack, whose end TPIDR_EL1 holds with the CPU's number in its low bits: x0 goes through SP_EL0, which is dead while the kernel runs (its value is
// in the frame), and the two stack pointers are swapped by arithmetic.
    .macro  from_el1 kind
    .balign 128
    msr     sp_el0, x0
    mrs     x0, tpidr_el1
    and     x0, x0, #~0xf
    add     sp, sp, x0
    sub     x0, sp, x0
    sub     sp, sp, x0
    sub     sp, sp, #FRAME
    stp     x30, x0, [sp, #FRAME_LR]
    mrs     x0, sp_el0
    stp     x0, x1, [sp]
    mov     x1, #\kind
    b       el1_exception
    .endm

    .macro  from_el0 target
    .balign 128
    stp     x16, x17, [sp, #128]
    b       \target
    .endm

    .section .text.vectors, "ax", %progbits
    .balign 2048
    .global vectors
vectors:
    from_el1 {SYNCHRONOUS}              // EL1 on SP_EL0: never used
    from_el1 {IRQ}
    from_el1 {FIQ}
    from_el1 {SERROR}

    from_el1 {SYNCHRONOUS}              // EL1
    .balign 128
    sub     sp, sp, #FRAME
    stp     x0, x1, [sp]
    b       el1_interrupt
    from_el1 {FIQ}
    from_el1 {SERROR}

// From EL0, AArch64. What a system call's first half needs is saved here; Rust keeps X19 to X29, and nothing
// touches the other system registers meanwhile. TPIDR_EL0 is among those: its place has X30 until the call is found to
// need the whole frame, so that one load brings it back together with the mark.
//
// A call that comes from where the vDSO makes the one with the number in X16 is made right here (kernel::gate has the
// rules): a ticket of the kernel's lock (lock.rs), who calls, the call, the lock. Whatever is not plain is Rust's.
    .balign 128
    stp     x16, x17, [sp, #128]
    mrs     x17, esr_el1
    lsr     x17, x17, #26
    cmp     x17, #0x15                  // EC: SVC from AArch64
    b.ne    el0_fault
    stp     x0, x1, [sp]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    mrs     x17, elr_el1
    mrs     x15, spsr_el1
    str     x30, [sp, #FRAME_TPIDR]
    stp     x17, x15, [sp, #FRAME_PC]
    ldp     x8, x9, [sp, #CALLS_FROM]   // and the lock
    msr     daifclr, #2
    add     x8, x8, x16, lsl #{STUB_SHIFT}
    cmp     x8, x17
    b.ne    call_slowly
    cmp     x16, #{CALLS_LEN}
    b.hs    call_slowly
    cbz     w0, call_with_nothing
call_takes_kernel:
    ldaxp   x10, x11, [x9]              // who is served, and our ticket
    add     x12, x11, #1
    stxp    w13, x10, x12, [x9]
    cbnz    w13, call_takes_kernel
    cmp     x10, x11
    b.eq    call_has_kernel
    b       call_waits
    from_el0 el0_interrupt
    from_el0 el0_interrupt              // a GIC may signal its group 0 so
    from_el0 el0_serror

    from_el1 {AARCH32}                  // EL0, AArch32: the exit path never goes there
    from_el1 {AARCH32}
    from_el1 {AARCH32}
    from_el1 {AARCH32}

// The kernel is this CPU's, X9 its lock, and X16 the call.
call_has_kernel:
    ldp     x13, x14, [sp, #CALLER]     // and the CPU's number
    strb    w14, [x9, #{HERE}]
    ldp     x1, x2, [x13]
    cbz     x1, call_by_nobody
    adr     x10, jacinth_calls
    ldr     x10, [x10, x16, lsl #3]
    add     x0, x9, #{VALUE}
    mov     x3, sp
    blr     x10
    ldr     x9, [sp, #KERNEL]
    ldrh    w8, [x9, #{ATTENTION}]
    orr     x8, x8, x0
    cbnz    x8, call_leaves_more
    ldr     x8, [x9]
    add     x8, x8, #1
    stlr    x8, [x9]
    msr     daifset, #2

// The program's X1 to X18 are lost to a call: nothing of the kernel's is left in them.
call_return:
    ldp     x30, x17, [sp, #FRAME_TPIDR]
    cbnz    x17, call_interrupted
1:  adr     x17, nothing
    ldp     x1, x2, [x17]
    ldp     x3, x4, [x17]
    ldp     x5, x6, [x17]
    ldp     x7, x8, [x17]
    ldp     x9, x10, [x17]
    ldp     x11, x12, [x17]
    ldp     x13, x14, [x17]
    ldp     x15, x16, [x17]
    ldp     x17, x18, [x17]
    eret
    dsb     nsh                         // nothing is executed past an eret, not even by speculation
    isb

// A call whose first argument is no handle: closing that needs nothing of the kernel. For others it is an argument like any
// other.
call_with_nothing:
    cmp     x16, #{HANDLE_CLOSE}
    b.ne    call_takes_kernel
    mov     x0, xzr
    msr     daifset, #2
    b       call_return

call_waits:
    mov     x0, x9
    mov     x1, x11
    bl      {await_turn}
    ldr     x9, [sp, #KERNEL]
    ldr     x16, [sp, #128]
    b       call_has_kernel

call_slowly:
    mov     x0, sp
    mov     x1, x9
    bl      {call_slowly}
    b       call_ends

call_by_nobody:
    mov     x0, sp
    mov     x1, x9
    bl      {call_by_nobody}
    b       call_ends

call_leaves_more:
    mov     x1, x9
    bl      {answered}

// X0 and X1 say how it ended: the status, and what remains (Called).
call_ends:
    msr     daifset, #2
    cbz     x1, call_return
    b       call_completes

// There was an interrupt meanwhile: it is let through now, and comes as soon as EL0 is reached.
call_interrupted:
    str     x0, [sp]
    bl      {leave}
    ldp     x1, x2, [sp, #FRAME_PC]
    msr     elr_el1, x1
    msr     spsr_el1, x2
    ldr     x30, [sp, #FRAME_TPIDR]
    ldr     x0, [sp]
    b       1b

// The rest of the frame: what the fast path left in place, and nothing for what a call loses. The PC is what
// the first half made of it.
call_completes:
    stp     xzr, xzr, [sp, #64]
    stp     xzr, xzr, [sp, #80]
    stp     xzr, xzr, [sp, #96]
    stp     xzr, xzr, [sp, #112]
    stp     xzr, x19, [sp, #144]
    save_from_20
    stp     x28, x29, [sp, #224]
    mov     x29, xzr                    // a backtrace of the kernel ends here
    ldr     x2, [sp, #FRAME_TPIDR]
    mrs     x3, sp_el0
    mrs     x4, tpidr_el0
    stp     x2, x3, [sp, #FRAME_LR]
    str     x4, [sp, #FRAME_TPIDR]
    mov     x2, x1
    mov     x1, x0
    mov     x0, sp
    bl      {complete}
    b       el0_return

// A data abort: most are about a page that is touched for the first time, and the program goes on where it was. That
// needs the registers that Rust may change, all of which come back; those that Rust keeps, SP_EL0 and TPIDR_EL0 stay where
// they are unless more remains to be done. X30 has TPIDR_EL0's place until then, as in a call.
el0_fault:
    cmp     x17, #0x24                  // EC: data abort from EL0
    b.ne    el0_other_fault
    stp     x0, x1, [sp]
    save_2_to_15
    str     x18, [sp, #144]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    str     x30, [sp, #FRAME_TPIDR]
    stp     x2, x3, [sp, #FRAME_PC]
    mrs     x0, esr_el1
    mrs     x1, far_el1
    stp     x0, x1, [sp, #FRAME_LR]     // an interrupt may take them away: LR and SP have no use for their places yet
    ldr     x2, [sp, #KERNEL]
    msr     daifclr, #2
    bl      jacinth_touch
    msr     daifset, #2
    cbnz    x0, touch_completes
    ldp     x30, x17, [sp, #FRAME_TPIDR]
    cbnz    x17, touch_interrupted
2:  ldr     x18, [sp, #144]
    restore_2_to_17
    ldp     x0, x1, [sp]
    eret
    dsb     nsh                         // nothing is executed past an eret, not even by speculation
    isb

touch_interrupted:
    bl      {leave}
    ldp     x1, x2, [sp, #FRAME_PC]
    msr     elr_el1, x1
    msr     spsr_el1, x2
    ldr     x30, [sp, #FRAME_TPIDR]
    b       2b

// The rest of the frame.
touch_completes:
    str     x19, [sp, #152]
    save_from_20
    stp     x28, x29, [sp, #224]
    mov     x29, xzr                    // a backtrace of the kernel ends here
    ldp     x5, x6, [sp, #FRAME_LR]     // the syndrome and the address
    ldr     x2, [sp, #FRAME_TPIDR]
    mrs     x3, sp_el0
    mrs     x4, tpidr_el0
    stp     x2, x3, [sp, #FRAME_LR]
    str     x4, [sp, #FRAME_TPIDR]
    mov     x1, x0
    mov     x0, sp
    mov     x2, x5
    mov     x3, x6
    bl      {touched}
    b       el0_return

el0_other_fault:
    save_el0
    mrs     x1, esr_el1
    mrs     x2, far_el1
    bl      {fault}
    b       el0_return

el0_serror:
    save_el0
    mrs     x1, esr_el1
    bl      {serror}
    b       el0_return

el0_interrupt:
    save_el0
    bl      {interrupt}
    b       el0_return

// enter_user: x0 is the frame to resume, somewhere in the kernel's memory, x1 the end of the CPU's stack. It is copied to the top of the
// stack, where the vectors expect it; the stack's contents are of no more use. The destination is above all of them (entry.S).
    .global enter_user
enter_user:
    sub     sp, x1, #FRAME
    mov     x9, sp
    mov     x10, #(FRAME_TPIDR / 16)
1:  ldp     x11, x12, [x0], #16
    stp     x11, x12, [x9], #16
    subs    x10, x10, #1
    b.ne    1b
    ldr     x11, [x0]
    str     x11, [x9]

// The way to EL0. Whatever the frame says, it is EL0, AArch64, with interrupts and SErrors unmasked: only the
// flags (and BTYPE, SSBS, DIT, TCO, which are the program's own) are taken from it.
el0_return:
    ldp     x30, x2, [sp, #FRAME_LR]
    ldp     x3, x4, [sp, #FRAME_PC]
    ldr     x5, [sp, #FRAME_TPIDR]
    ldr     w6, =({SPSR_USER})
    and     x4, x4, x6
    mov     x6, #{SPSR_MASKED}
    orr     x4, x4, x6
    msr     sp_el0, x2
    msr     elr_el1, x3
    msr     spsr_el1, x4
    msr     tpidr_el0, x5
    restore_from_2
    ldp     x0, x1, [sp]
    eret
    dsb     nsh                         // nothing is executed past an eret, not even by speculation
    isb

// An interrupt while the kernel's logic runs: everything is saved where it was, as for a report (watch.rs).
el1_interrupt:
    save_from_2
    stp     x16, x17, [sp, #128]
    stp     x28, x29, [sp, #224]
    add     x2, sp, #FRAME
    mrs     x3, elr_el1
    mrs     x4, spsr_el1
    stp     x30, x2, [sp, #FRAME_LR]
    stp     x3, x4, [sp, #FRAME_PC]
    str     xzr, [sp, #FRAME_TPIDR]
    mov     x0, sp
    bl      {interrupted}
    ldp     x2, x3, [sp, #FRAME_PC]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    restore_from_2
    ldr     x30, [sp, #FRAME_LR]
    ldp     x0, x1, [sp]
    add     sp, sp, #FRAME
    eret
    dsb     nsh
    isb

el1_exception:
    save_from_2
    stp     x16, x17, [sp, #128]
    stp     x28, x29, [sp, #224]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x2, x3, [sp, #FRAME_PC]
    str     xzr, [sp, #FRAME_TPIDR]
    mov     x0, sp
    mrs     x2, esr_el1
    mrs     x3, far_el1
    mov     x29, xzr
    bl      {el1_exception}
// It came back: a guarded load continues behind itself.
    ldp     x2, x3, [sp, #FRAME_PC]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x30, x0, [sp, #FRAME_LR]
    msr     sp_el0, x0
    restore_from_2
    ldr     x1, [sp, #8]
    ldr     x0, [sp]
    // Only the guarded load comes here, and it declares x16 as lost: it carries the interrupted stack pointer.
    mrs     x16, sp_el0
    mov     sp, x16
    eret
    .ltorg
    .balign 16
nothing:
    .quad   0, 0

// guarded_set: sets no byte, by FEAT_MOPS. x1 is 1; or 0 if that is undefined.
// guarded_hvc and guarded_smc: call firmware by x0 with arguments from x1. x0 is the answer and x1 is 1; or x1 is 0 if
// this machine has no such instruction, whatever its device tree says.
    .global guarded_hvc
    .global guarded_smc
    .global guarded_set
    .global guarded_call_end
guarded_hvc:
    hvc     #0
    mov     x1, #1
    ret
guarded_smc:
    smc     #0
    mov     x1, #1
    ret
    .arch_extension mops
guarded_set:
    mov     x1, xzr
    setp    [x0]!, x1!, xzr
    setm    [x0]!, x1!, xzr
    sete    [x0]!, x1!, xzr
    .arch_extension nomops
    mov     x1, #1
    ret
guarded_call_end:
    mov     x1, xzr
    ret

// guarded_load: reads w1 bytes, 1, 2 or 4, at x0. w0 is the value and x1 is 1; or x1 is 0 if the access faulted.
    .global guarded_load
    .global guarded_load_end
guarded_load:
    mov     w2, w1
    mov     x1, xzr
    cmp     w2, #2
    b.lo    1f
    b.eq    2f
    ldr     w0, [x0]
    b       3f
1:  ldrb    w0, [x0]
    b       3f
2:  ldrh    w0, [x0]
3:  mov     x1, #1
guarded_load_end:
    ret
