// Vectors for the time before the kernel has its own, and for EL2 and EL3 for good.
//
// An exception here has no stack, no console and perhaps no MMU. It leaves a panic record (abi::record) of the
// header and the registers, and the CPU stops. The rules are those of entry.S: addresses are PC-relative, so all
// of this works at the physical address and at the linked one; no exclusives or atomics; nothing outside this
// section is called. One thing more: an HVC from EL1 is answered as the SMC Calling Convention asks of an
// implementation that knows no call.
//
// A failure in here finds the state no longer ARMED, and parks. So does one after another CPU's failure: the
// first record stays. Between CPUs without caches there is nothing to make that certain with; two that fail within
// a few instructions of each other may mix their registers.

    .section .text.early, "ax", %progbits
    .balign 2048
    .global early_vectors
early_vectors:
    .global __early_start
__early_start:

// SP serves as the first free register: there is no stack.
    .macro  early vector
    .balign 128
    mov     sp, x0
    adrp    x0, __record_start
    str     x1, [x0, #{SCRATCH}]
    ldr     w1, [x0, #{STATE}]
    cbnz    w1, early_park
    mov     x1, #\vector
    b       early_record
    .endm

    early   0
    early   1
    early   2
    early   3
    early   4
    early   5
    early   6
    early   7
    .balign 128                         // 8: from a lower level, synchronous. At EL1 that level has nothing to run
    mrs     x1, esr_el2                 // x1 to x17 are the callee's to change
    lsr     x1, x1, #26
    cmp     x1, #0x16                   // EC: HVC from AArch64
    b.ne    1f
    mov     x0, #-1                     // NOT_SUPPORTED
    eret
1:  mov     sp, x0                      // what x1 was is lost
    adrp    x0, __record_start
    ldr     w1, [x0, #{STATE}]
    cbnz    w1, early_park
    mov     x1, #8
    b       early_record
    early   9
    early   10
    early   11
    early   12
    early   13
    early   14
    early   15
    .balign 128

// x0 is the record, x1 the vector, SP holds x0 and the scratch word x1. Registers first.
early_record:
    stp     x2, x3, [x0, #{X} + 16]
    mov     x2, #{WRITING}              // and nothing nested
    str     x2, [x0, #{STATE}]
    stp     x4, x5, [x0, #{X} + 32]
    stp     x6, x7, [x0, #{X} + 48]
    stp     x8, x9, [x0, #{X} + 64]
    stp     x10, x11, [x0, #{X} + 80]
    stp     x12, x13, [x0, #{X} + 96]
    stp     x14, x15, [x0, #{X} + 112]
    stp     x16, x17, [x0, #{X} + 128]
    stp     x18, x19, [x0, #{X} + 144]
    stp     x20, x21, [x0, #{X} + 160]
    stp     x22, x23, [x0, #{X} + 176]
    stp     x24, x25, [x0, #{X} + 192]
    stp     x26, x27, [x0, #{X} + 208]
    stp     x28, x29, [x0, #{X} + 224]
    ldr     x3, [x0, #{SCRATCH}]
    mov     x2, sp
    stp     x2, x3, [x0, #{X}]
    stp     x30, xzr, [x0, #{X} + 240]  // and SP: none

// The level's own registers: x2 level, x3 ELR, x4 SPSR, x5 ESR, x6 FAR, x7 SCTLR, x8 TCR, x9 TTBR0, x10 TTBR1.
    mrs     x2, CurrentEL
    lsr     x2, x2, #2
    mov     x10, xzr
    cmp     x2, #2
    b.eq    2f
    b.hi    3f
    mrs     x3, elr_el1
    mrs     x4, spsr_el1
    mrs     x5, esr_el1
    mrs     x6, far_el1
    mrs     x7, sctlr_el1
    mrs     x8, tcr_el1
    mrs     x9, ttbr0_el1
    mrs     x10, ttbr1_el1
    b       4f
2:  mrs     x3, elr_el2
    mrs     x4, spsr_el2
    mrs     x5, esr_el2
    mrs     x6, far_el2
    mrs     x7, sctlr_el2
    mrs     x8, tcr_el2
    mrs     x9, ttbr0_el2
    b       4f
3:  mrs     x3, elr_el3
    mrs     x4, spsr_el3
    mrs     x5, esr_el3
    mrs     x6, far_el3
    mrs     x7, sctlr_el3
    mrs     x8, tcr_el3
    mrs     x9, ttbr0_el3
4:  stp     x3, x4, [x0, #{PC}]
    stp     x5, x6, [x0, #{PC} + 16]
    stp     x7, x8, [x0, #{PC} + 32]
    stp     x9, x10, [x0, #{PC} + 48]
    add     x3, x0, #{RESERVED}
    add     x4, x0, #{RAW_LENGTH}
1:  stp     xzr, xzr, [x3], #16
    cmp     x3, x4
    b.lo    1b

// The header.
    mov     w3, #-1                     // NO_CPU: the kernel may not have counted it yet
    stp     w3, w2, [x0, #{CPU}]
    mov     w3, #20                     // kernel.ld asserts that it is a SHA-1
    stp     w1, w3, [x0, #{VECTOR}]
    adrp    x3, __build_id_start
    add     x3, x3, :lo12:__build_id_start
    add     x4, x0, #{BUILD_ID}
    ldp     w5, w6, [x3, #16]           // behind the note's sizes, type and name
    stp     w5, w6, [x4]
    ldp     w5, w6, [x3, #24]
    stp     w5, w6, [x4, #8]
    ldr     w5, [x3, #32]
    stp     w5, wzr, [x4, #16]
    mrs     x3, mpidr_el1
    adrp    x4, __image_start
    stp     x3, x4, [x0, #{MPIDR}]
    mrs     x3, cntvct_el0
    mrs     x4, cntfrq_el0
    stp     x3, x4, [x0, #{TICKS}]
    adr     x3, early_magic
    ldp     x4, x5, [x3]
    stp     x4, x5, [x0]
    mov     w3, #{VERSION}
    mov     w4, #{EARLY_EXCEPTION}
    stp     w3, w4, [x0, #{COVERED_AT}]
    mov     x3, #{RAW_LENGTH}
    str     x3, [x0, #{COVERED_AT} + 8]

// The checksum, bit by bit: CRC-32 instructions are an option of the first architecture.
    add     x3, x0, #{COVERED_AT}
    add     x4, x0, #{RAW_LENGTH}
    ldr     w5, =0xedb88320
    mov     w6, #-1
1:  ldrb    w7, [x3], #1
    eor     w6, w6, w7
    mov     w8, #8
2:  tst     w6, #1
    csel    w9, w5, wzr, ne
    eor     w6, w9, w6, lsr #1
    subs    w8, w8, #1
    b.ne    2b
    cmp     x3, x4
    b.lo    1b
    mvn     w6, w6
    str     x6, [x0, #{CRC}]
    dsb     sy
    mov     w7, #{COMPLETE}
    str     w7, [x0, #{STATE}]
    dsb     sy

// To memory: with the MMU off this drops lines that were fetched before, with it on it writes the record out.
    mrs     x3, ctr_el0
    ubfx    x3, x3, #16, #4             // DminLine: log2 of words
    mov     x5, #4
    lsl     x5, x5, x3
1:  dc      civac, x0
    add     x0, x0, x5
    cmp     x0, x4
    b.lo    1b
    dsb     sy

early_park:
    wfi
    b       early_park

    .balign 8
early_magic:
    .quad   {MAGIC_0}, {MAGIC_1}
    .ltorg
    .global __early_end
__early_end:
