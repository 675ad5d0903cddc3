/* Ours: the devices of the board.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef JACINTH_DEVICE_TABLE_H_
#define JACINTH_DEVICE_TABLE_H_

#include <stdint.h>
#include <zircon/compiler.h>

/* PA_DEVICE_TABLE is a VMO that starts with the head; behind it, without gaps, are the nodes, the windows, the
 * interrupts, the groups, the DMA ranges, the members of groups (uint32_t, padded to 8 bytes) and the strings, which
 * have no terminators. A field that names a record holds its index, or JACINTH_DEVICE_NONE. */

/* The head's first word, and what stands for no record. */
#define JACINTH_DEVICE_TABLE_MAGIC 0x315456454443414aul

/* No record. */
#define JACINTH_DEVICE_NONE 0xffffffffu

/* Flags of nodes: it is okay, as all above it are; the addresses on its bus are physical ones. */
#define JACINTH_NODE_AVAILABLE    1u
#define JACINTH_NODE_DMA_IDENTITY 2u

/* Flags of windows and of interrupts. */
#define JACINTH_WINDOW_PREFETCHABLE ((uint8_t)1u)
#define JACINTH_WINDOW_CONSOLE      ((uint8_t)2u)
#define JACINTH_WINDOW_STRADDLES    ((uint8_t)4u)
#define JACINTH_INTERRUPT_SHARED    ((uint8_t)1u)
#define JACINTH_INTERRUPT_PCI       ((uint8_t)2u)

/* Of a window: class. */
#define JACINTH_CLASS_REGISTER    ((uint8_t)0u)
#define JACINTH_CLASS_MEMORY_LIKE ((uint8_t)1u)
#define JACINTH_CLASS_UNCLAIMED   ((uint8_t)2u)

/* Of a window: fate. */
#define JACINTH_FATE_KERNEL    ((uint8_t)0u)
#define JACINTH_FATE_RESERVED  ((uint8_t)1u)
#define JACINTH_FATE_DISABLED  ((uint8_t)2u)
#define JACINTH_FATE_CONTAINER ((uint8_t)3u)
#define JACINTH_FATE_STRADDLES ((uint8_t)4u)
#define JACINTH_FATE_GRANT     ((uint8_t)5u)
#define JACINTH_FATE_BEYOND    ((uint8_t)6u)

/* Of a window: kind. */
#define JACINTH_WINDOW_KIND_REG    ((uint8_t)0u)
#define JACINTH_WINDOW_KIND_CONFIG ((uint8_t)1u)
#define JACINTH_WINDOW_KIND_IO     ((uint8_t)2u)
#define JACINTH_WINDOW_KIND_MEM    ((uint8_t)3u)
#define JACINTH_WINDOW_KIND_MEM64  ((uint8_t)4u)

/* Of an interrupt: kind. */
#define JACINTH_INTERRUPT_KIND_SPI  ((uint8_t)0u)
#define JACINTH_INTERRUPT_KIND_PPI  ((uint8_t)1u)
#define JACINTH_INTERRUPT_KIND_ESPI ((uint8_t)2u)
#define JACINTH_INTERRUPT_KIND_EPPI ((uint8_t)3u)

/* Of an interrupt: trigger. */
#define JACINTH_TRIGGER_UNSPECIFIED  ((uint8_t)0u)
#define JACINTH_TRIGGER_EDGE_RISING  ((uint8_t)1u)
#define JACINTH_TRIGGER_EDGE_FALLING ((uint8_t)2u)
#define JACINTH_TRIGGER_EDGE_BOTH    ((uint8_t)3u)
#define JACINTH_TRIGGER_LEVEL_HIGH   ((uint8_t)4u)
#define JACINTH_TRIGGER_LEVEL_LOW    ((uint8_t)8u)

__BEGIN_CDECLS

/* The head. */
typedef struct jacinth_device_table {
  uint64_t magic;
  uint64_t size;
  uint32_t nodes;
  uint32_t windows;
  uint32_t interrupts;
  uint32_t groups;
  uint32_t dma_ranges;
  uint32_t members;
  uint32_t strings;
  uint32_t mmio_resources;
  uint32_t irq_resources;
  uint32_t reserved[3];
} jacinth_device_table_t;
ZX_LAYOUT_SIZE(jacinth_device_table_t, 64, 8);
ZX_LAYOUT_FIELD(jacinth_device_table_t, magic, 0);
ZX_LAYOUT_FIELD(jacinth_device_table_t, size, 8);
ZX_LAYOUT_FIELD(jacinth_device_table_t, nodes, 16);
ZX_LAYOUT_FIELD(jacinth_device_table_t, windows, 20);
ZX_LAYOUT_FIELD(jacinth_device_table_t, interrupts, 24);
ZX_LAYOUT_FIELD(jacinth_device_table_t, groups, 28);
ZX_LAYOUT_FIELD(jacinth_device_table_t, dma_ranges, 32);
ZX_LAYOUT_FIELD(jacinth_device_table_t, members, 36);
ZX_LAYOUT_FIELD(jacinth_device_table_t, strings, 40);
ZX_LAYOUT_FIELD(jacinth_device_table_t, mmio_resources, 44);
ZX_LAYOUT_FIELD(jacinth_device_table_t, irq_resources, 48);
ZX_LAYOUT_FIELD(jacinth_device_table_t, reserved, 52);

/* A device. */
typedef struct jacinth_device_node {
  uint32_t path;
  uint32_t path_size;
  uint32_t compatible;
  uint32_t compatible_size;
  uint32_t first_window;
  uint32_t windows;
  uint32_t first_interrupt;
  uint32_t interrupts;
  uint32_t first_dma_range;
  uint32_t dma_ranges;
  uint32_t flags;
  uint32_t tree_index;
} jacinth_device_node_t;
ZX_LAYOUT_SIZE(jacinth_device_node_t, 48, 4);
ZX_LAYOUT_FIELD(jacinth_device_node_t, path, 0);
ZX_LAYOUT_FIELD(jacinth_device_node_t, path_size, 4);
ZX_LAYOUT_FIELD(jacinth_device_node_t, compatible, 8);
ZX_LAYOUT_FIELD(jacinth_device_node_t, compatible_size, 12);
ZX_LAYOUT_FIELD(jacinth_device_node_t, first_window, 16);
ZX_LAYOUT_FIELD(jacinth_device_node_t, windows, 20);
ZX_LAYOUT_FIELD(jacinth_device_node_t, first_interrupt, 24);
ZX_LAYOUT_FIELD(jacinth_device_node_t, interrupts, 28);
ZX_LAYOUT_FIELD(jacinth_device_node_t, first_dma_range, 32);
ZX_LAYOUT_FIELD(jacinth_device_node_t, dma_ranges, 36);
ZX_LAYOUT_FIELD(jacinth_device_node_t, flags, 40);
ZX_LAYOUT_FIELD(jacinth_device_node_t, tree_index, 44);

/* A window of a device. */
typedef struct jacinth_device_window {
  uint64_t base;
  uint64_t size;
  uint32_t node;
  uint32_t index;
  uint32_t name;
  uint32_t name_size;
  uint32_t resource;
  uint32_t group;
  uint8_t kind;
  uint8_t window_class;
  uint8_t fate;
  uint8_t flags;
  uint32_t reserved;
} jacinth_device_window_t;
ZX_LAYOUT_SIZE(jacinth_device_window_t, 48, 8);
ZX_LAYOUT_FIELD(jacinth_device_window_t, base, 0);
ZX_LAYOUT_FIELD(jacinth_device_window_t, size, 8);
ZX_LAYOUT_FIELD(jacinth_device_window_t, node, 16);
ZX_LAYOUT_FIELD(jacinth_device_window_t, index, 20);
ZX_LAYOUT_FIELD(jacinth_device_window_t, name, 24);
ZX_LAYOUT_FIELD(jacinth_device_window_t, name_size, 28);
ZX_LAYOUT_FIELD(jacinth_device_window_t, resource, 32);
ZX_LAYOUT_FIELD(jacinth_device_window_t, group, 36);
ZX_LAYOUT_FIELD(jacinth_device_window_t, kind, 40);
ZX_LAYOUT_FIELD(jacinth_device_window_t, window_class, 41);
ZX_LAYOUT_FIELD(jacinth_device_window_t, fate, 42);
ZX_LAYOUT_FIELD(jacinth_device_window_t, flags, 43);
ZX_LAYOUT_FIELD(jacinth_device_window_t, reserved, 44);

/* An interrupt of a device. */
typedef struct jacinth_device_interrupt {
  uint32_t node;
  uint32_t index;
  uint32_t intid;
  uint32_t resource;
  uint32_t name;
  uint32_t name_size;
  uint8_t kind;
  uint8_t trigger;
  uint8_t flags;
  uint8_t reserved[5];
} jacinth_device_interrupt_t;
ZX_LAYOUT_SIZE(jacinth_device_interrupt_t, 32, 4);
ZX_LAYOUT_FIELD(jacinth_device_interrupt_t, node, 0);
ZX_LAYOUT_FIELD(jacinth_device_interrupt_t, index, 4);
ZX_LAYOUT_FIELD(jacinth_device_interrupt_t, intid, 8);
ZX_LAYOUT_FIELD(jacinth_device_interrupt_t, resource, 12);
ZX_LAYOUT_FIELD(jacinth_device_interrupt_t, name, 16);
ZX_LAYOUT_FIELD(jacinth_device_interrupt_t, name_size, 20);
ZX_LAYOUT_FIELD(jacinth_device_interrupt_t, kind, 24);
ZX_LAYOUT_FIELD(jacinth_device_interrupt_t, trigger, 25);
ZX_LAYOUT_FIELD(jacinth_device_interrupt_t, flags, 26);
ZX_LAYOUT_FIELD(jacinth_device_interrupt_t, reserved, 27);

/* Pages that windows of several devices share. */
typedef struct jacinth_device_group {
  uint64_t base;
  uint64_t size;
  uint32_t first_member;
  uint32_t members;
} jacinth_device_group_t;
ZX_LAYOUT_SIZE(jacinth_device_group_t, 24, 8);
ZX_LAYOUT_FIELD(jacinth_device_group_t, base, 0);
ZX_LAYOUT_FIELD(jacinth_device_group_t, size, 8);
ZX_LAYOUT_FIELD(jacinth_device_group_t, first_member, 16);
ZX_LAYOUT_FIELD(jacinth_device_group_t, members, 20);

/* Memory as a device sees it. */
typedef struct jacinth_device_dma_range {
  uint64_t bus;
  uint64_t base;
  uint64_t size;
} jacinth_device_dma_range_t;
ZX_LAYOUT_SIZE(jacinth_device_dma_range_t, 24, 8);
ZX_LAYOUT_FIELD(jacinth_device_dma_range_t, bus, 0);
ZX_LAYOUT_FIELD(jacinth_device_dma_range_t, base, 8);
ZX_LAYOUT_FIELD(jacinth_device_dma_range_t, size, 16);

__END_CDECLS

#endif /* JACINTH_DEVICE_TABLE_H_ */
