// memset, as the compiler calls it for values that begin as zeroes (AAPCS64: x0 to, w1 byte, x2 bytes; returns x0).
//
// As with memcpy.S, pairs are stored, and what is left over is stored from the end backward, over bytes that are there
// already.

    .section .text.memset, "ax", %progbits
    .balign 64
    .global memset
    .type   memset, %function
memset:
    and     w1, w1, #0xff
    add     x4, x0, x2                  // the end
    orr     w1, w1, w1, lsl #8
    cmp     x2, #16
    orr     w1, w1, w1, lsl #16
    orr     x1, x1, x1, lsl #32
    b.lo    3f
    cmp     x2, #32
    b.hi    1f
    stp     x1, x1, [x0]
    stp     x1, x1, [x4, #-16]
    ret

1:  mov     x3, x0
    subs    x2, x2, #64
    b.ls    2f
0:  stp     x1, x1, [x3]
    stp     x1, x1, [x3, #16]
    stp     x1, x1, [x3, #32]
    stp     x1, x1, [x3, #48]
    add     x3, x3, #64
    subs    x2, x2, #64
    b.hi    0b
2:  adds    x2, x2, #32                 // what is left, 1 to 64 bytes, less 32
    b.le    4f
    stp     x1, x1, [x3]
    stp     x1, x1, [x3, #16]
4:  stp     x1, x1, [x4, #-32]
    stp     x1, x1, [x4, #-16]
    ret

3:  tbz     x2, #3, 5f
    str     x1, [x0]
    str     x1, [x4, #-8]
    ret
5:  tbz     x2, #2, 6f
    str     w1, [x0]
    str     w1, [x4, #-4]
    ret
6:  cbz     x2, 7f
    strb    w1, [x0]
    tbz     x2, #1, 7f
    strh    w1, [x4, #-2]
7:  ret
    .size   memset, . - memset
