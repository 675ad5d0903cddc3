// The worst that a loader can leave. The boot protocol promises little: MMU off, caches clean, exceptions masked, the
// counter's frequency set, the tree's address in x0. Everything else is in here as far as the architecture has it at
// this level, whether firmware is known to leave it so or not.

    .section .text, "ax", %progbits

// EL1 and EL0: all but SCTLR, TCR and MDSCR, which the caller chooses.
poison_el1:
    movn    x9, #0
    msr     ttbr0_el1, x9
    msr     ttbr1_el1, x9
    msr     mair_el1, xzr               // Device-nGnRnE: exclusives and unaligned accesses fail
    msr     amair_el1, x9
    msr     vbar_el1, x9
    msr     elr_el1, x9
    msr     spsr_el1, x9
    msr     esr_el1, x9
    msr     far_el1, x9
    msr     par_el1, x9
    msr     afsr0_el1, x9
    msr     afsr1_el1, x9
    msr     actlr_el1, x9
    msr     csselr_el1, x9
    msr     contextidr_el1, x9
    msr     tpidr_el1, x9
    msr     tpidr_el0, x9
    msr     tpidrro_el0, x9
    msr     sp_el0, x9
    cmp     x20, #2
    b.ne    1f
    msr     sp_el1, x9

// FP: every register, rounding and trapping as nobody expects it; then EL1 traps it.
1:  mov     x10, #(3 << 20)
    msr     cpacr_el1, x10
    isb
    ldr     x10, =0x07f79f00            // AHP, DN, FZ, RMode, FZ16, and every trap that there is
    msr     fpcr, x10
    msr     fpsr, x9
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    dup     v\n\().2d, x9
    .endr
    msr     cpacr_el1, xzr

// Timers: both expired, both asking; EL0 is kept from the counter, and the event stream runs.
    msr     cntv_cval_el0, xzr
    msr     cntp_cval_el0, xzr
    mov     x10, #1
    msr     cntv_ctl_el0, x10
    msr     cntp_ctl_el0, x10
    mov     x10, #0xfc
    msr     cntkctl_el1, x10

// Debugging: unlocked; every breakpoint on, and a watchpoint over the gigabyte of RAM.
    msr     oslar_el1, xzr
    ldr     x10, [x19, #{KERNEL}]
    mov     x11, #0x1e7                 // E, both levels, all four bytes
    .irp    n, 0,1,2,3,4,5
    msr     dbgbvr\n\()_el1, x10
    msr     dbgbcr\n\()_el1, x11
    add     x10, x10, #4
    .endr
    ldr     x10, =0x40000000
    msr     dbgwvr0_el1, x10
    ldr     x10, =0x1e001fff            // MASK 30: 1 GiB; all bytes, loads and stores, both levels
    msr     dbgwcr0_el1, x10

// The PMU: counting, overflown, asking.
    mrs     x10, id_aa64dfr0_el1
    ubfx    x10, x10, #8, #4
    cbz     x10, 2f
    cmp     x10, #0xf
    b.eq    2f
    mov     x10, #0x51                  // LC, X, E
    msr     pmcr_el0, x10
    mov     w10, #-1
    msr     pmcntenset_el0, x10
    msr     pmintenset_el1, x10
    msr     pmovsset_el0, x10
    msr     pmccntr_el0, x9
    mov     x10, #0xf
    msr     pmuserenr_el0, x10

// Keys for pointers, where there are any.
2:  mrs     x10, id_aa64isar1_el1
    ubfx    x11, x10, #4, #8            // APA, API
    cbz     x11, 3f
    .irp    key, 0,1,2,3
    msr     s3_0_c2_c1_\key, x9         // APIA, APIB
    msr     s3_0_c2_c2_\key, x9         // APDA, APDB
    .endr
3:  ret

// EL2: all but HCR and CPTR, which the caller chooses.
poison_el2:
    movn    x9, #0
    msr     hstr_el2, x9
    msr     cnthctl_el2, xzr            // the counter and the timer of EL1 are trapped
    ldr     x10, =0x123456789abcdef
    msr     cntvoff_el2, x10
    msr     vttbr_el2, x10
    ldr     x10, =0x80023558
    msr     vtcr_el2, x10
    msr     vpidr_el2, x9
    msr     vmpidr_el2, x9
    mov     w10, #-1
    msr     mdcr_el2, x10
    msr     actlr_el2, x9
    msr     tpidr_el2, x9
    msr     ttbr0_el2, x9
    msr     tcr_el2, x9
    msr     mair_el2, x9
    msr     amair_el2, x9
    msr     vbar_el2, x9
    msr     elr_el2, x9
    msr     spsr_el2, x9
    msr     esr_el2, x9
    msr     far_el2, x9
    msr     hpfar_el2, x9
    msr     afsr0_el2, x9
    msr     afsr1_el2, x9
    ldr     x10, =0x30cd183e            // A, C, SA, I and WXN: all but the MMU, and little-endian
    msr     sctlr_el2, x10
    msr     cnthp_cval_el2, xzr
    mov     x10, #1
    msr     cnthp_ctl_el2, x10
    mrs     x10, id_aa64mmfr1_el1       // VHE: a timer more, and a context
    ubfx    x11, x10, #8, #4
    cbz     x11, 1f
    msr     s3_4_c14_c3_2, xzr          // CNTHV_CVAL_EL2
    mov     x11, #1
    msr     s3_4_c14_c3_1, x11          // CNTHV_CTL_EL2
    msr     s3_4_c13_c0_1, x9           // CONTEXTIDR_EL2
    msr     s3_4_c2_c0_1, x9            // TTBR1_EL2
1:  ubfx    x11, x10, #40, #4           // FEAT_HCX
    cbz     x11, 2f
    msr     s3_4_c1_c2_2, x9            // HCRX_EL2
2:  mrs     x10, id_aa64mmfr0_el1       // FEAT_FGT: every trap that there is
    ubfx    x11, x10, #56, #4
    cbz     x11, 3f
    msr     s3_4_c1_c1_4, x9            // HFGRTR_EL2
    msr     s3_4_c1_c1_5, x9            // HFGWTR_EL2
    msr     s3_4_c1_c1_6, x9            // HFGITR_EL2
    msr     s3_4_c3_c1_4, x9            // HDFGRTR_EL2
    msr     s3_4_c3_c1_5, x9            // HDFGWTR_EL2
3:  mrs     x10, id_aa64pfr0_el1        // the GIC's virtual interface: on, and trapping
    ubfx    x11, x10, #24, #4
    cbz     x11, 4f
    ldr     x11, =0x7cf1                // En, and TC, TALL0, TALL1, TSEI, TDIR
    msr     s3_4_c12_c11_0, x11         // ICH_HCR_EL2
    ldr     x11, =0xff00021f            // every interrupt of the guest's masked by nothing, EOIs split
    msr     s3_4_c12_c11_7, x11         // ICH_VMCR_EL2
    msr     s3_4_c12_c9_5, xzr          // ICC_SRE_EL2
4:  ret

// The interrupt controller: every interrupt in the wrong group, enabled, pending, active, of the wrong priority and
// for everybody.
poison_gic:
    ldr     x9, [x19, #{DISTRIBUTOR}]
    cbz     x9, 9f
    movn    w15, #0
    ldr     x10, [x19, #{REDISTRIBUTOR}]
    cbnz    x10, 5f

// GICv2. IGROUPR first: what is written as one of group 1 stays so.
    mov     w16, #0xaa                  // priorities, by turns the highest and the lowest
    ldr     w14, =0xff00ff00
    str     wzr, [x9]                   // GICD_CTLR
    ldr     w11, [x9, #4]               // GICD_TYPER
    and     w11, w11, #0x1f
    add     w11, w11, #1                // 32 interrupts each
    mov     x12, xzr
1:  add     x13, x9, x12, lsl #2
    str     w15, [x13, #0x080]          // IGROUPR
    str     w15, [x13, #0x100]          // ISENABLER
    str     w15, [x13, #0x200]          // ISPENDR
    str     w15, [x13, #0x300]          // ISACTIVER
    add     x12, x12, #1
    cmp     w12, w11
    b.lo    1b
    lsl     w11, w11, #3                // four interrupts each
    mov     x12, xzr
2:  add     x13, x9, x12, lsl #2
    str     w14, [x13, #0x400]          // IPRIORITYR
    str     w15, [x13, #0x800]          // ITARGETSR
    add     x12, x12, #1
    cmp     w12, w11
    b.lo    2b
    lsr     w11, w11, #2                // sixteen each
    ldr     w14, =0xaaaaaaaa
    mov     x12, #1
3:  add     x13, x9, x12, lsl #2
    str     w14, [x13, #0xc00]          // ICFGR: edges
    add     x12, x12, #1
    cmp     w12, w11
    b.lo    3b
    .irp    at, 0xf20, 0xf24, 0xf28, 0xf2c
    str     w15, [x9, #\at]             // SPENDSGIR
    .endr
    mov     w14, #3
    str     w14, [x9]                   // GICD_CTLR: both groups
    ldr     x10, [x19, #{INTERFACE}]
    mov     w14, #7
    str     w14, [x10, #8]              // GICC_BPR
    str     wzr, [x10, #4]              // GICC_PMR: nothing gets through
    .irp    at, 0xd0, 0xd4, 0xd8, 0xdc
    str     w15, [x10, #\at]            // GICC_APR: every priority is being served
    .endr
    mov     w14, #0x3e7                 // every bypass, both groups, and the end of an interrupt in two steps
    str     w14, [x10]                  // GICC_CTLR
    b       9f

// GICv3: SPIs by the distributor, the rest by each CPU's redistributor.
5:  str     wzr, [x9]
    ldr     w11, [x9, #4]
    and     w11, w11, #0x1f
    add     w11, w11, #1
    mov     w14, #(1 << 4)              // ARE, so that IROUTER is there
    str     w14, [x9]
    mov     x12, #1
6:  add     x13, x9, x12, lsl #2
    str     wzr, [x13, #0x080]          // IGROUPR
    str     w15, [x13, #0x100]
    str     w15, [x13, #0x200]
    str     w15, [x13, #0x300]
    str     w15, [x13, #0xd00]          // IGRPMODR
    add     x12, x12, #1
    cmp     w12, w11
    b.lo    6b
    ldr     w14, =0xff00ff00
    lsl     w11, w11, #3
    mov     x12, #8
7:  add     x13, x9, x12, lsl #2
    str     w14, [x13, #0x400]
    add     x12, x12, #1
    cmp     w12, w11
    b.lo    7b
    lsl     w11, w11, #2
    mov     x12, #32
    add     x16, x9, #0x6000            // IROUTER
    ldr     x14, =0xff80ffffff          // any CPU, and an affinity that is nobody's
8:  str     x14, [x16, x12, lsl #3]
    add     x12, x12, #1
    cmp     w12, w11
    b.lo    8b
    mov     w14, #0x13                  // ARE, both groups
    str     w14, [x9]
    ldr     w14, =0xff00ff00
10: add     x13, x10, #0x10, lsl #12    // SGI_base
    str     wzr, [x13, #0x080]
    str     w15, [x13, #0x100]
    str     w15, [x13, #0x200]
    str     w15, [x13, #0x300]
    str     w15, [x13, #0xd00]
    .irp    at, 0x400,0x404,0x408,0x40c,0x410,0x414,0x418,0x41c
    str     w14, [x13, #\at]
    .endr
    ldr     w12, =0xaaaaaaaa
    str     w12, [x13, #0xc04]          // ICFGR1
    mov     w12, #2                     // ProcessorSleep
    str     w12, [x10, #0x14]           // GICR_WAKER
    ldr     x12, [x10, #8]              // GICR_TYPER
    add     x10, x10, #0x20, lsl #12
    tbz     x12, #4, 10b                // Last
    msr     s3_0_c4_c6_0, xzr           // ICC_PMR_EL1
    mov     x12, #7
    msr     s3_0_c12_c12_3, x12         // ICC_BPR1_EL1
    mov     w12, #-1
    msr     s3_0_c12_c9_0, x12          // ICC_AP1R0_EL1: every priority is being served. Group 0 is EL3's
    mov     x12, #3                     // CBPR, EOImode
    msr     s3_0_c12_c12_4, x12         // ICC_CTLR_EL1
    mov     x12, #1
    msr     s3_0_c12_c12_6, x12         // ICC_IGRPEN0_EL1
    msr     s3_0_c12_c12_7, x12         // ICC_IGRPEN1_EL1
9:  dsb     sy
    isb
    ret

// The last: general registers, the stack pointer, and PSTATE. x0 to x3 are the protocol's, and x0 alone is needed.
// x4 is the kernel, x9 DAIF.
poison_general:
    mrs     x10, id_aa64mmfr1_el1
    cmp     x20, #1
    b.ne    1f                          // these are EL1's affair; EL2 leaves by an exception return
    ubfx    x11, x10, #20, #4
    cbz     x11, 1f
    mov     x11, #(1 << 22)
    msr     s3_0_c4_c2_3, x11           // PAN
    mrs     x10, id_aa64mmfr2_el1
    ubfx    x11, x10, #4, #4
    cbz     x11, 1f
    mov     x11, #(1 << 23)
    msr     s3_0_c4_c2_4, x11           // UAO
1:  msr     daif, x9
    mov     x9, #(0xf << 28)
    msr     nzcv, x9
    movn    x1, #0
    mov     sp, x1
    msr     spsel, #0
    mov     sp, x1
    mov     x2, x1
    mov     x3, x1
    .irp    n, 5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    mov     x\n, x1
    .endr
    br      x4
    .ltorg
