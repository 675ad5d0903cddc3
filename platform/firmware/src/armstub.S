// Between a Raspberry Pi 4's reset and its kernel, as its firmware's stub does it (raspberrypi/tools, armstubs; the
// values are facts of that program and of Arm's manuals, the text is ours). Every CPU starts here at EL3.
//
// What the real one leaves alone is left alone here: of EL2 it defines SCTLR only.

    .section .start, "ax", %progbits
    .global _start
_start:
    b       el3

// The words that the loader fills in, and those by which the kernel fetches the other CPUs.
    .org    {SPIN}
spin:
    .quad   0, 0, 0, 0
    .org    {WORDS}
tree:
    .long   0
kernel:
    .long   0

el3:
    ldr     x0, =0xff800000             // LOCAL_CONTROL: the crystal, uncounted
    str     wzr, [x0]
    mov     w1, #0x80000000
    str     w1, [x0, #8]                // LOCAL_PRESCALER: 1
    mrs     x0, s3_1_c11_c0_2           // L2CTLR_EL1: latencies of the cache's RAM
    mov     x1, #0x22
    orr     x0, x0, x1
    msr     s3_1_c11_c0_2, x0
    ldr     x0, =54000000
    msr     cntfrq_el0, x0
    msr     cntvoff_el2, xzr
    mov     x0, #0x33ff
    msr     cptr_el3, x0
    mov     x0, #0x5b1                  // AArch64, HVC, no SMC, non-secure
    msr     scr_el3, x0
    mov     x0, #0x73
    msr     actlr_el3, x0
    mov     x0, #0x40                   // SMPEN
    msr     s3_1_c15_c2_1, x0           // CPUECTLR_EL1

// The GIC, for the non-secure world.
    mrs     x3, mpidr_el1
    and     x3, x3, #3
    ldr     x0, =0xff841000             // GICD
    cbz     x3, 1f
    mov     w1, #3
    str     w1, [x0]                    // GICD_CTLR: both groups
1:  ldr     x1, =0xff842000             // GICC
    mov     w2, #0x1e7
    str     w2, [x1]                    // GICC_CTLR
    mov     w2, #0xff
    str     w2, [x1, #4]                // GICC_PMR
    add     x0, x0, #0x80               // IGROUPR: all of group 1
    mov     w2, #-1
    mov     x1, #8
2:  str     w2, [x0]
    add     x0, x0, #4
    subs    x1, x1, #1
    b.ne    2b

    ldr     x0, =0x30c50830
    msr     sctlr_el2, x0
    mov     x0, #0x3c9                  // EL2 with its own stack pointer, all masked
    msr     spsr_el3, x0
    adr     x0, el2
    msr     elr_el3, x0
    isb
    eret

el2:
    mrs     x6, mpidr_el1
    and     x6, x6, #3
    cbz     x6, first
    adr     x5, spin
3:  wfe
    ldr     x4, [x5, x6, lsl #3]
    cbz     x4, 3b
    mov     x0, xzr
    b       4f
first:
    ldr     w0, tree
    ldr     w4, kernel
4:  mov     x1, xzr
    mov     x2, xzr
    mov     x3, xzr
    br      x4
    .ltorg
