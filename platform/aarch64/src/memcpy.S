// memcpy, as the compiler calls it for values that are moved (AAPCS64: x0 to, x1 from, x2 bytes; returns x0).
//
// The one that the compiler brings moves eight bytes at a time, so that it serves memory that must be accessed
// aligned. All that is Rust's here is Normal memory with alignment checks off, so pairs are moved, and what is left
// over is not counted out: the last piece is copied from the end backward, over bytes that are there already. Nothing
// is stored before what it may lie on was loaded, piece by piece; the two must not overlap all the same.

    .section .text.memcpy, "ax", %progbits
    .balign 64
    .global memcpy
    .type   memcpy, %function
memcpy:
    add     x4, x1, x2                  // the ends
    add     x5, x0, x2
    cmp     x2, #16
    b.lo    3f
    cmp     x2, #32
    b.hi    1f
    ldp     x6, x7, [x1]
    ldp     x8, x9, [x4, #-16]
    stp     x6, x7, [x0]
    stp     x8, x9, [x5, #-16]
    ret

1:  mov     x3, x0
    subs    x2, x2, #64
    b.ls    2f
0:  ldp     x6, x7, [x1]
    ldp     x8, x9, [x1, #16]
    ldp     x10, x11, [x1, #32]
    ldp     x12, x13, [x1, #48]
    stp     x6, x7, [x3]
    stp     x8, x9, [x3, #16]
    stp     x10, x11, [x3, #32]
    stp     x12, x13, [x3, #48]
    add     x1, x1, #64
    add     x3, x3, #64
    subs    x2, x2, #64
    b.hi    0b
2:  adds    x2, x2, #32                 // what is left, 1 to 64 bytes, less 32
    b.le    4f
    ldp     x6, x7, [x1]
    ldp     x8, x9, [x1, #16]
    stp     x6, x7, [x3]
    stp     x8, x9, [x3, #16]
4:  ldp     x6, x7, [x4, #-32]
    ldp     x8, x9, [x4, #-16]
    stp     x6, x7, [x5, #-32]
    stp     x8, x9, [x5, #-16]
    ret

3:  tbz     x2, #3, 5f
    ldr     x6, [x1]
    ldr     x7, [x4, #-8]
    str     x6, [x0]
    str     x7, [x5, #-8]
    ret
5:  tbz     x2, #2, 6f
    ldr     w6, [x1]
    ldr     w7, [x4, #-4]
    str     w6, [x0]
    str     w7, [x5, #-4]
    ret
6:  cbz     x2, 7f
    ldrb    w6, [x1]
    strb    w6, [x0]
    tbz     x2, #1, 7f
    ldrh    w6, [x4, #-2]
    strh    w6, [x5, #-2]
7:  ret
    .size   memcpy, . - memcpy
