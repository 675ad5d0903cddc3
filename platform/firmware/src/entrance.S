// Enters the kernel in the state that the words behind the header ask for. QEMU starts this as it would start the
// kernel, at EL1 or EL2, or as a raw file at the highest level that there is; at EL3 nothing is poisoned.
//
// x19 is the words' address throughout, x20 the exception level, x21 what is poisoned, x22 the tree.

    .arch_extension fp
    .arch_extension simd
    .section .start, "ax", %progbits
    .global _start
_start:
    msr     daifset, #0xf
    b       begin
    .quad   0x1000000                   // text_offset: out of the way of any kernel
    .quad   0x10000
    .quad   0xa
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0
    .org    {PARAMETERS}
words:
    .fill   {WORDS}, 8, 0

begin:
    adr     x19, words
    mrs     x20, CurrentEL
    lsr     x20, x20, #2
    ldr     x21, [x19, #{POISON}]
    ldr     x22, [x19, #{TREE}]
    cmn     x22, #1                     // AS_GIVEN
    csel    x22, x0, x22, eq
    cmp     x20, #3
    b.eq    leave

    bl      fill_memory
    tst     x21, #{POISON_GIC}
    b.eq    1f
    bl      poison_gic
1:  tst     x21, #{POISON_EL1}
    b.eq    2f
    bl      poison_el1
2:  ldr     x9, [x19, #{TCR}]
    msr     tcr_el1, x9
    ldr     x9, [x19, #{MDSCR}]
    msr     mdscr_el1, x9
    ldr     x9, [x19, #{SCTLR}]
    msr     sctlr_el1, x9
    cmp     x20, #2
    b.ne    leave
    tst     x21, #{POISON_EL2}
    b.eq    3f
    bl      poison_el2
3:  ldr     x9, [x19, #{CPTR}]
    msr     cptr_el2, x9
    ldr     x9, [x19, #{HCR}]           // last: E2H would turn the names of EL1's registers into EL2's
    msr     hcr_el2, x9

leave:
    isb
    mov     x0, x22
    mov     x1, xzr
    mov     x2, xzr
    mov     x3, xzr
    ldr     x9, [x19, #{DAIF}]
    ldr     x4, [x19, #{KERNEL}]
    tst     x21, #{POISON_GENERAL}
    b.ne    poison_general
    msr     daif, x9
    br      x4

// Garbage in memory: what the loader left, as far as this was told that nobody needs it.
fill_memory:
    add     x9, x19, #{FILL}
    mov     x10, #{FILLS}
    ldr     x11, ={PATTERN}
1:  ldp     x12, x13, [x9], #16
2:  cmp     x12, x13
    b.hs    3f
    stp     x11, x11, [x12]
    stp     x11, x11, [x12, #16]
    stp     x11, x11, [x12, #32]
    stp     x11, x11, [x12, #48]
    add     x12, x12, #64
    b       2b
3:  subs    x10, x10, #1
    b.ne    1b
    dsb     sy
    ret
    .ltorg
