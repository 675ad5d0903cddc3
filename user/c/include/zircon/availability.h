/* The API level from which Fuchsia has a declaration, or up to which. Here every declaration is always there: the words
 * may stand where Fuchsia's programs have them, and say nothing. */
#ifndef ZIRCON_AVAILABILITY_H_
#define ZIRCON_AVAILABILITY_H_

#define ZX_AVAILABLE_SINCE(level)
#define ZX_DEPRECATED_SINCE(added, deprecated, message)
#define ZX_REMOVED_SINCE(added, deprecated, removed, message)

#endif /* ZIRCON_AVAILABILITY_H_ */
