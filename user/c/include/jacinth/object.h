/* Ours: what can be asked about objects besides.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef JACINTH_OBJECT_H_
#define JACINTH_OBJECT_H_

#include <stdint.h>
#include <zircon/compiler.h>

/* A topic of zx_object_get_info for a resource: the windows that share a page with it, a record each. */
#define JACINTH_INFO_RESOURCE_GROUP 0x4a0001u

/* Flags of a record. */
#define JACINTH_RESOURCE_GROUP_HELD 1u
#define JACINTH_RESOURCE_GROUP_SEEN 2u

__BEGIN_CDECLS

/* One of them. Its places count in the device table. */
typedef struct jacinth_info_resource_group {
  uint64_t base;
  uint64_t size;
  uint32_t window;
  uint32_t group;
  uint32_t flags;
  uint32_t reserved;
} jacinth_info_resource_group_t;
ZX_LAYOUT_SIZE(jacinth_info_resource_group_t, 32, 8);
ZX_LAYOUT_FIELD(jacinth_info_resource_group_t, base, 0);
ZX_LAYOUT_FIELD(jacinth_info_resource_group_t, size, 8);
ZX_LAYOUT_FIELD(jacinth_info_resource_group_t, window, 16);
ZX_LAYOUT_FIELD(jacinth_info_resource_group_t, group, 20);
ZX_LAYOUT_FIELD(jacinth_info_resource_group_t, flags, 24);
ZX_LAYOUT_FIELD(jacinth_info_resource_group_t, reserved, 28);

__END_CDECLS

#endif /* JACINTH_OBJECT_H_ */
