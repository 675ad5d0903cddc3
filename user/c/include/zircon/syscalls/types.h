/* The types of the calls, by the name that newer code of Zircon includes. */
#ifndef ZIRCON_SYSCALLS_TYPES_H_
#define ZIRCON_SYSCALLS_TYPES_H_

#include <zircon/types.h>

#endif /* ZIRCON_SYSCALLS_TYPES_H_ */
