/* Statuses in words. */
#include <zircon/status.h>

const char* zx_status_get_string(zx_status_t status) {
    switch (status) {
#define STATUS(name) \
    case name:       \
        return #name;
#include "statuses.inc"
#undef STATUS
    default:
        return "(UNKNOWN)";
    }
}
