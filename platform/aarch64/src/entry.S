// From the loader's jump to the kernel's own address space.
//
// Everything here runs before the MMU and the caches are on, at whatever 4 KiB-aligned physical address the
// loader chose. Hence the rules of this file: addresses are taken PC-relative (adrp) or are link-time virtual
// addresses that nothing dereferences yet; no exclusives or atomics, which need cacheable memory; no stack.
// Nothing is written but the translation tables, and one word of the panic record. All of it fits in the image's first page.
//
// Registers that keep their meaning throughout:
//   x19  exception level at entry: 1, 2 or 3      x20  physical address of the device tree, or 0
//   x21  bytes of the device tree, at most 2 MiB  x22  physical address of the image
//   x23  physical address of the next free table  x24  TTBR1_EL1's root    x25  TTBR0_EL1's root
//   x27  the CPU's number: 0 boots

    .section .head, "ax", %progbits

// The arm64 Image header (64 bytes). Its first two words are instructions.
    .global __image_start
__image_start:
    msr     daifset, #0xf               // some loaders leave SError or debug exceptions unmasked
    b       enter
    .quad   0                           // text_offset: none needed
    .quad   __image_size                // with .bss, stacks and tables
    .quad   0xa                         // little-endian, 4 KiB pages, anywhere in memory
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

// x0 is the device tree by the boot protocol, but an ELF loader or a board without a tree leaves anything
// there: trust only the magic, at an address that the specification allows (DT 5.1: 8-aligned).
enter:
    adrp    x9, early_vectors           // an early exception leaves a record and stops the CPU (early.S)
    add     x9, x9, :lo12:early_vectors
    mrs     x19, CurrentEL
    lsr     x19, x19, #2
    cmp     x19, #2
    b.hi    1f
    b.eq    2f
    msr     vbar_el1, x9
    b       3f
1:  msr     vbar_el3, x9
    b       3f
2:  msr     vbar_el2, x9
3:
    adrp    x22, __image_start
    mov     x20, xzr
    mov     x21, xzr
    mov     x27, xzr
    tst     x0, #7
    ccmp    x0, #0, #4, eq              // aligned and not null
    b.eq    1f
    ldr     w10, [x0]
    mov     w11, #0x0dd0                // 0xd00dfeed is big-endian in memory
    movk    w11, #0xedfe, lsl #16
    cmp     w10, w11
    b.ne    1f
    mov     x20, x0
    ldr     w21, [x0, #4]
    rev     w21, w21
    mov     w10, #{TREE_MAX}
    cmp     w21, w10
    csel    w21, w21, w10, ls
1:
// Under the Image protocol one core arrives, with a tree, below EL3. Else some machines release every core at once:
// let core 0 go on.
    cmp     x19, #3
    ccmp    x20, #0, #4, ne             // not at EL3, and a tree
    b.ne    2f
    mrs     x10, mpidr_el1
    and     x11, x10, #0xff00000000
    and     x10, x10, #0xffffff
    orr     x10, x10, x11
    cbnz    x10, park
2:
// Nothing has failed yet. A record of the boot before stays; no line of it that the loader left may hide a new one.
    adrp    x0, __record_start
    add     x1, x0, #{RAW_LENGTH}
    mrs     x4, ctr_el0
    ubfx    x4, x4, #16, #4
    mov     x5, #4
    lsl     x5, x5, x4
1:  dc      civac, x0
    add     x0, x0, x5
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    adrp    x0, __record_start
    ldr     w1, [x0, #{STATE}]          // how the boot before left it goes to the other half, for record.rs
    lsl     x1, x1, #32
    str     x1, [x0, #{STATE}]
    cmp     x19, #3
    b.eq    from_el3
    cmp     x19, #2
    b.eq    from_el2
    b       at_el1

park:
    wfe
    b       park

// Another CPU, by PSCI CPU_ON: at the exception level of the caller of the boot CPU's, MMU and caches off, x0 as
// the boot CPU gave it (secondary.rs): a table that maps this page to itself, and the CPU's number below it. The
// kernel's tables are made; nothing is read from memory before the MMU is on but this file's own constants.
    .global secondary_entry
secondary_entry:
    msr     daifset, #0xf
    adrp    x9, early_vectors
    add     x9, x9, :lo12:early_vectors
    mrs     x19, CurrentEL
    lsr     x19, x19, #2
    adrp    x22, __image_start
    adrp    x24, __tables_start
    add     x24, x24, :lo12:__tables_start
    and     x25, x0, #~0xfff
    and     x27, x0, #0xfff
    cmp     x19, #2
    b.eq    from_el2
    b.hi    park
    b       at_el1

// Another CPU, out of a spin-table: as above, but it comes with nothing in its registers, and perhaps uncalled, because
// CPUs may share the word that releases them. What the boot CPU calls it by stands in memory (spin.rs): pairs of
// an affinity and what x0 is by PSCI. It waits until there is one for it.
    .global spin_entry
spin_entry:
    msr     daifset, #0xf
    mrs     x10, mpidr_el1
    and     x11, x10, #0xff00000000
    and     x10, x10, #0xffffff
    orr     x10, x10, x11
    adrp    x9, {CALLS}
    add     x9, x9, :lo12:{CALLS}
1:  mov     x11, #0
2:  add     x12, x9, x11, lsl #4
    ldr     x13, [x12]
    ldr     x0, [x12, #8]
    cmp     x13, x10
    ccmp    x0, #0, #4, eq              // called, and by its own name
    b.ne    secondary_entry
    add     x11, x11, #1
    cmp     x11, #{MAX_CPUS}
    b.lo    2b
    wfe
    b       1b

// EL3: go down far enough to say so (the kernel prints a line and stops). Secure state is left behind.
from_el3:
    msr     vbar_el3, x9
    mov     x10, #{SCR}
    mrs     x11, id_aa64mmfr0_el1       // FEAT_FGT: its registers are EL2's (FGTEn)
    ubfx    x11, x11, #56, #4
    cmp     x11, #0
    cset    x11, ne
    orr     x10, x10, x11, lsl #27
    mrs     x11, id_aa64mmfr1_el1       // FEAT_HCX: HCRX_EL2 is EL2's (HXEn)
    ubfx    x11, x11, #40, #4
    cmp     x11, #0
    cset    x11, ne
    orr     x10, x10, x11, lsl #38
    msr     scr_el3, x10
    msr     cptr_el3, xzr
    mrs     x10, id_aa64pfr0_el1
    ubfx    x11, x10, #24, #4           // GIC: system registers exist
    cbz     x11, 1f
    mov     x11, #{ICC_SRE}
    msr     s3_6_c12_c12_5, x11         // ICC_SRE_EL3
1:  adr     x11, from_el2
    adr     x12, at_el1
    mov     x13, #{SPSR_EL2H}
    mov     x14, #{SPSR_EL1H}
    ubfx    x10, x10, #8, #4            // EL2 is implemented
    cmp     x10, #0
    csel    x11, x11, x12, ne
    csel    x13, x13, x14, ne
    msr     elr_el3, x11
    msr     spsr_el3, x13
    isb
    eret

// EL2: every register that can trap or bend EL1 is written, from constants and ID registers. HCR_EL2 comes
// first: its E2H bit decides what CPTR_EL2 and CNTHCTL_EL2 mean.
from_el2:
    msr     vbar_el2, x9
    mov     x10, #{HCR}
    msr     hcr_el2, x10
    isb
    mov     x10, #{CNTHCTL}
    msr     cnthctl_el2, x10
    msr     cntvoff_el2, xzr
    mrs     x10, midr_el1
    msr     vpidr_el2, x10
    mrs     x10, mpidr_el1
    msr     vmpidr_el2, x10
    mov     x10, #{CPTR}
    msr     cptr_el2, x10
    msr     hstr_el2, xzr
    msr     actlr_el2, xzr
    msr     vttbr_el2, xzr
    mov     x10, #(1 << 31)             // RES1; stage 2 is off
    msr     vtcr_el2, x10
    mrs     x10, id_aa64dfr0_el1        // MDCR_EL2: no traps; HPMN = all counters, if there is a PMU
    ubfx    x10, x10, #8, #4
    mov     x11, xzr
    cbz     x10, 1f
    cmp     x10, #0xf
    b.eq    1f
    mrs     x11, pmcr_el0
    ubfx    x11, x11, #11, #5
1:  msr     mdcr_el2, x11
    mrs     x10, id_aa64mmfr0_el1       // fine-grained traps (FEAT_FGT): none
    ubfx    x10, x10, #56, #4
    cbz     x10, 2f
    msr     s3_4_c1_c1_4, xzr           // HFGRTR_EL2
    msr     s3_4_c1_c1_5, xzr           // HFGWTR_EL2
    msr     s3_4_c1_c1_6, xzr           // HFGITR_EL2
    msr     s3_4_c3_c1_4, xzr           // HDFGRTR_EL2
    msr     s3_4_c3_c1_5, xzr           // HDFGWTR_EL2
2:  mrs     x10, id_aa64mmfr1_el1       // FEAT_HCX
    ubfx    x10, x10, #40, #4
    cbz     x10, 3f
    mrs     x10, s3_0_c0_c6_2           // ID_AA64ISAR2_EL1: FEAT_MOPS
    tst     x10, #(0xf << 16)
    cset    x10, ne
    lsl     x10, x10, #11               // MSCEn: it is EL1's to use
    msr     s3_4_c1_c2_2, x10           // HCRX_EL2
3:  mrs     x10, id_aa64pfr0_el1        // the GIC's system registers, for EL1 to use
    ubfx    x10, x10, #24, #4
    cbz     x10, 4f
    mov     x10, #{ICC_SRE}
    msr     s3_4_c12_c9_5, x10          // ICC_SRE_EL2
    isb
    mrs     x10, s3_4_c12_c9_5
    tbz     x10, #0, 4f                 // the GIC has none after all
    msr     s3_4_c12_c11_0, xzr         // ICH_HCR_EL2
4:  ldr     x10, =({SCTLR_MMU_OFF})     // EL1's regime is defined before it becomes live
    msr     sctlr_el1, x10
    msr     vbar_el1, x9
    mov     x10, #{SPSR_EL1H}
    msr     spsr_el2, x10
    adr     x10, at_el1
    msr     elr_el2, x10
    isb
    eret

// EL1: MMU and caches off, whatever the loader left.
at_el1:
    ldr     x10, =({SCTLR_MMU_OFF})
    msr     sctlr_el1, x10
    msr     vbar_el1, x9
    msr     spsel, #1                   // a loader may have left SP_EL0 in use
    isb
    ic      iallu
    dsb     nsh
    cbnz    x27, translate              // another CPU finds the tables made

// The tables. A loader that ran with caches may have left lines of this memory in them: invalidated before
// we write past them, and again after, because they may have been fetched in between.
    adrp    x23, __tables_start
    add     x23, x23, :lo12:__tables_start
    adrp    x26, __tables_end
    add     x26, x26, :lo12:__tables_end
    mov     x0, x23
    mov     x1, x26
    bl      invalidate
    mov     x0, x23
1:  stp     xzr, xzr, [x0]
    stp     xzr, xzr, [x0, #16]
    stp     xzr, xzr, [x0, #32]
    stp     xzr, xzr, [x0, #48]
    add     x0, x0, #64
    cmp     x0, x26
    b.lo    1b
    mov     x24, x23
    add     x25, x23, #0x1000
    add     x23, x23, #0x2000

// The image, by pages: text, constants, data with .bss, two stacks, the heap's first piece and the tables themselves.
    mov     x17, x24
    ldr     x16, =__image_start
    sub     x16, x16, x22               // virtual minus physical
    .macro  map_image start, end, attributes
    ldr     x0, =\start
    sub     x1, x0, x16
    ldr     x2, =\end
    ldr     x3, =\attributes
    bl      map
    .endm
    map_image __image_start, __text_end, ({TEXT})
    map_image __text_end, __rodata_end, ({CONSTANT})
    map_image __rodata_end, __bss_end, ({DATA})
    map_image __stack_bottom, __stack_top, ({DATA})
    map_image __emergency_stack_bottom, __emergency_stack_top, ({DATA})
    map_image __heap_start, __heap_rest, ({DATA})
    map_image __tables_start, __record_end, ({DATA})

// The device tree, read-only: its pages, at the offset in the page at which it lies.
    cbz     x20, 2f
    ldr     x0, ={TREE}
    and     x1, x20, #~0xfff
    and     x2, x20, #0xfff
    add     x2, x2, x21
    add     x2, x2, #0xfff
    and     x2, x2, #~0xfff
    add     x2, x0, x2
    ldr     x3, =({CONSTANT})
    bl      map

// This page to itself, for the one moment between two address spaces.
2:  mov     x17, x25
    mov     x0, x22
    mov     x1, x22
    add     x2, x22, #0x1000
    ldr     x3, =({TEXT})
    bl      map

    dsb     sy
    adrp    x0, __tables_start
    add     x0, x0, :lo12:__tables_start
    mov     x1, x26
    bl      invalidate

translate:
// Translation on. TCR_EL1: the physical address size and the ASID size are the CPU's.
    ldr     x10, =({TCR})
    mrs     x11, id_aa64mmfr0_el1
    and     x12, x11, #0xf              // PARange
    mov     x13, #{TCR_IPS_MAX}
    cmp     x12, x13
    csel    x12, x12, x13, ls
    orr     x10, x10, x12, lsl #{TCR_IPS_SHIFT}
    ubfx    x12, x11, #4, #4            // ASIDBits: 0b0010 for 16
    cmp     x12, #2
    mov     x13, #{TCR_WIDE_ASID}
    csel    x13, x13, xzr, eq
    orr     x10, x10, x13
    mrs     x12, id_aa64mmfr2_el1
    ubfx    x12, x12, #60, #4           // E0PD
    cmp     x12, #0
    mov     x13, #{TCR_E0PD1}
    csel    x13, x13, xzr, ne
    orr     x10, x10, x13
    msr     tcr_el1, x10
    ldr     x10, =({MAIR})
    msr     mair_el1, x10
    msr     ttbr0_el1, x25
    msr     ttbr1_el1, x24
    msr     contextidr_el1, xzr
    msr     cpacr_el1, xzr
    mov     x10, #{CPACR}
    msr     cpacr_el1, x10
    mov     x10, #{CNTKCTL}
    msr     cntkctl_el1, x10
    msr     cntv_ctl_el0, xzr           // a timer that fires before anyone waits for it
    msr     cntp_ctl_el0, xzr
    mov     x10, #{MDSCR}
    msr     mdscr_el1, x10
    msr     tpidr_el0, xzr
    msr     tpidrro_el0, xzr
    msr     tpidr_el1, xzr
    mrs     x10, id_aa64dfr0_el1        // EL0 has no business with the PMU
    ubfx    x10, x10, #8, #4
    cbz     x10, 3f
    cmp     x10, #0xf
    b.eq    3f
    msr     pmuserenr_el0, xzr
3:  ldr     x10, =early_vectors          // where they will be in a moment
    msr     vbar_el1, x10
    isb
    tlbi    vmalle1
    ic      iallu
    dsb     nsh
    isb
    ldr     x10, =({SCTLR_MMU_ON})
    mrs     x11, id_aa64mmfr1_el1
    ubfx    x11, x11, #20, #4           // PAN
    cbz     x11, 4f
    bic     x10, x10, #{SCTLR_SPAN}
    .inst   0xd500419f                  // msr pan, #1: the assembler's baseline is ARMv8.0
4:  msr     sctlr_el1, x10
    isb
    ldr     x10, =arrived
    br      x10

// map: x0 virtual start, x1 physical start, x2 virtual end, x3 attributes, x17 root. Whole pages.
// Changes x0, x1, x4 to x8, x23. Tables come from x23; the linker script reserves enough.
map:
    mov     x8, x0                      // the first page, for the Contiguous bit
1:  cmp     x0, x2
    b.hs    5f
    mov     x4, x17
    mov     x5, #39
2:  lsr     x6, x0, x5
    and     x6, x6, #0x1ff
    add     x6, x4, x6, lsl #3
    cmp     x5, #12
    b.eq    4f
    ldr     x7, [x6]
    cbnz    x7, 3f
    orr     x7, x23, #{TABLE}
    str     x7, [x6]
    add     x23, x23, #0x1000
3:  and     x4, x7, #{ADDRESS}
    sub     x5, x5, #9
    b       2b
// Sixteen pages, aligned alike in both spaces and wholly inside this range, may share one TLB entry.
4:  orr     x7, x1, x3
    eor     x4, x0, x1
    tst     x4, #0xffff
    b.ne    6f
    and     x4, x0, #~0xffff
    cmp     x4, x8
    b.lo    6f
    add     x4, x4, #0x10, lsl #12
    cmp     x4, x2
    b.hi    6f
    orr     x7, x7, #{CONTIGUOUS}
6:  str     x7, [x6]
    add     x0, x0, #0x1000
    add     x1, x1, #0x1000
    b       1b
5:  ret

// invalidate: data cache lines from x0 up to x1, to the point of coherency. Changes x0, x4, x5.
invalidate:
    mrs     x4, ctr_el0
    ubfx    x4, x4, #16, #4             // DminLine: log2 of words
    mov     x5, #4
    lsl     x5, x5, x4
1:  dc      ivac, x0
    add     x0, x0, x5
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    ret

    .ltorg
head_end:

// From here on at the link address, with the MMU on.
    .section .text.arrived, "ax", %progbits
arrived:
    cbnz    x27, arrived_secondary
    adrp    x9, __emergency_stack_top   // TPIDR_EL1: the end of the CPU's emergency stack, and its number (cpu.rs)
    add     x9, x9, :lo12:__emergency_stack_top
    msr     tpidr_el1, x9
    adrp    x9, __stack_top
    add     x9, x9, :lo12:__stack_top
    sub     sp, x9, #{FRAME}            // the stack's top is kept for the first frame of EL0 (vectors.S)
    str     xzr, [sp, #{MARK}]
    mov     x9, #1                      // odd: no call comes from there
    str     x9, [sp, #{CALLS_FROM}]
// The identity map has served: its root becomes the empty space that EL0 has until there is a process.
    lsr     x9, x22, #39
    and     x9, x9, #0x1ff
    adrp    x10, __tables_start
    add     x10, x10, :lo12:__tables_start
    add     x10, x10, #0x1000
    str     xzr, [x10, x9, lsl #3]
    dsb     ishst
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    adrp    x9, __bss_start
    add     x9, x9, :lo12:__bss_start
    adrp    x10, __bss_end
    add     x10, x10, :lo12:__bss_end
1:  cmp     x9, x10
    b.hs    2f
    stp     xzr, xzr, [x9], #16
    b       1b
2:  adrp    x9, vectors                 // which lead to Rust, and Rust to .bss
    add     x9, x9, :lo12:vectors
    msr     vbar_el1, x9
    isb
    mov     x0, x19
    mov     x1, x20
    mov     x2, x21
    mov     x3, x22
    sub     x4, x23, x22                // the next free table, as an offset in the image
    mov     x29, xzr                    // a backtrace ends here
    mov     x30, xzr
    bl      {start}

// The same for another CPU: its own stacks, and the empty space for EL0.
arrived_secondary:
    add     x10, x24, #0x1000
    msr     ttbr0_el1, x10
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    ldr     x9, ={STACKS}
    add     x10, x27, #1
    add     x9, x9, x10, lsl #{STACK_SHIFT}
    orr     x10, x9, x27
    msr     tpidr_el1, x10
    adrp    x10, vectors
    add     x10, x10, :lo12:vectors
    msr     vbar_el1, x10
    isb
    mov     x10, #{STACK_BELOW}
    sub     x9, x9, x10
    sub     sp, x9, #{FRAME}
    str     xzr, [sp, #{MARK}]
    mov     x9, #1                      // odd: no call comes from there
    str     x9, [sp, #{CALLS_FROM}]
    mov     x0, x27
    mov     x29, xzr
    mov     x30, xzr
    bl      {start_secondary}
