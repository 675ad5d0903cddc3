/* A new thread: X0 = what the library keeps of it, X1 = what TPIDR_EL0 holds from here on, and an aligned stack. */
    .text
    .globl __jacinth_thread_entry
    .hidden __jacinth_thread_entry
    .type __jacinth_thread_entry, %function
__jacinth_thread_entry:
    msr tpidr_el0, x1
    /* A frame record of zeros ends a backtrace. */
    mov x29, #0
    mov x30, #0
    bl __jacinth_thread_main
    brk #0
    .size __jacinth_thread_entry, . - __jacinth_thread_entry
    .section .note.GNU-stack, "", %progbits
