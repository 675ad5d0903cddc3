/* The first instructions: X0 = bootstrap channel, X1 = address of the vDSO, an aligned stack, nothing else. */
    .pushsection .text._start, "ax", %progbits
    .globl _start
    .type _start, %function
_start:
    /* A frame record of zeros ends a backtrace. */
    mov x29, #0
    mov x30, #0
    mov w19, w0
    adrp x0, __ehdr_start
    add x0, x0, :lo12:__ehdr_start
    adrp x2, _DYNAMIC
    add x2, x2, :lo12:_DYNAMIC
    bl __jacinth_relocate
    mov w0, w19
    bl __jacinth_begin
    brk #0
    .size _start, . - _start
    .popsection
    .section .note.GNU-stack, "", %progbits
