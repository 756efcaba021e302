/* retention_limits: how long, and how many, events are kept.
 * Owns:   nothing. */
#ifndef BELFRY_SERVER_ENGINE_RETENTION_LIMITS_H
#define BELFRY_SERVER_ENGINE_RETENTION_LIMITS_H

#include <stdint.h>

struct retention_limits {
    int64_t age_ms;  /* 0: for ever */
    uint64_t events; /* of one subscription; 0: any number */
};

#endif
