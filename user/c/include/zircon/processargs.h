/* The bootstrap message.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_PROCESSARGS_H_
#define ZIRCON_PROCESSARGS_H_

#include <zircon/types.h>

/* Its first words. */
#define ZX_PROCARGS_PROTOCOL 0x4150585du
#define ZX_PROCARGS_VERSION  0x1000u

__BEGIN_CDECLS

/* Its head. Offsets count from the message's first byte. */
typedef struct zx_proc_args {
  uint32_t protocol;
  uint32_t version;
  uint32_t handle_info_off;
  uint32_t args_off;
  uint32_t args_num;
  uint32_t environ_off;
  uint32_t environ_num;
  uint32_t names_off;
  uint32_t names_num;
} zx_proc_args_t;
ZX_LAYOUT_SIZE(zx_proc_args_t, 36, 4);
ZX_LAYOUT_FIELD(zx_proc_args_t, protocol, 0);
ZX_LAYOUT_FIELD(zx_proc_args_t, version, 4);
ZX_LAYOUT_FIELD(zx_proc_args_t, handle_info_off, 8);
ZX_LAYOUT_FIELD(zx_proc_args_t, args_off, 12);
ZX_LAYOUT_FIELD(zx_proc_args_t, args_num, 16);
ZX_LAYOUT_FIELD(zx_proc_args_t, environ_off, 20);
ZX_LAYOUT_FIELD(zx_proc_args_t, environ_num, 24);
ZX_LAYOUT_FIELD(zx_proc_args_t, names_off, 28);
ZX_LAYOUT_FIELD(zx_proc_args_t, names_num, 32);

__END_CDECLS

/* The word for a handle: its type, and which of several. */
#define PA_HND(type, arg) (((uint32_t)(type) & 0xffu) | (((uint32_t)(arg) & 0xffffu) << 16))
#define PA_HND_TYPE(info) ((info) & 0xffu)
#define PA_HND_ARG(info) (((info) >> 16) & 0xffffu)

/* Types. PA_VMO_BOOTDATA is the device tree's blob, PA_FD the log; the four resources are the ranged roots. */
#define PA_PROC_SELF       1u
#define PA_THREAD_SELF     2u
#define PA_JOB_DEFAULT     3u
#define PA_VMAR_ROOT       4u
#define PA_VMO_VDSO        0x11u
#define PA_VMO_BOOTDATA    0x1au
#define PA_VMO_BOOTFS      0x1bu
#define PA_FD              0x30u
#define PA_MMIO_RESOURCE   0x50u
#define PA_IRQ_RESOURCE    0x51u
#define PA_SMC_RESOURCE    0x53u
#define PA_SYSTEM_RESOURCE 0x54u
#define PA_USER0           0xf0u
#define PA_USER1           0xf1u
#define PA_USER2           0xf2u

/* Types that no program is given here. */
#define PA_VMAR_LOADED          5u
#define PA_LDSVC_LOADER         0x10u
#define PA_VMO_STACK            0x13u
#define PA_VMO_EXECUTABLE       0x14u
#define PA_VMO_KERNEL_FILE      0x1cu
#define PA_VMO_COMPONENT_CONFIG 0x1du
#define PA_NS_DIR               0x20u
#define PA_LIFECYCLE            0x3au
#define PA_DIRECTORY_REQUEST    0x3bu
#define PA_RESOURCE             0x3fu
#define PA_CLOCK_UTC            0x40u
#define PA_IOPORT_RESOURCE      0x52u

/* Ours, in the range for users: a window of a granted device (an MMIO resource), an interrupt of one (an IRQ
 * resource), each counted from 0 in the order of the grants and of the device table, and that table's VMO. */
#define PA_DEVICE_WINDOW PA_USER0
#define PA_DEVICE_INTERRUPT PA_USER1
#define PA_DEVICE_TABLE PA_USER2

#endif /* ZIRCON_PROCESSARGS_H_ */
