/* definition_cache: the definitions used last, by the change that wrote them.
 * All others are read from the log when they are needed.
 * Owns:   a reference to each.
 * Thread: any; its lock is held for a few instructions. Lock order: it is
 *         taken under the state's lock too, and takes none itself.
 * Bounds: DEFINITION_CACHE_SETS * DEFINITION_CACHE_WAYS definitions. */
#ifndef BELFRY_SERVER_ENGINE_DEFINITION_CACHE_H
#define BELFRY_SERVER_ENGINE_DEFINITION_CACHE_H

#include <pthread.h>
#include <stdint.h>

#include "server/engine/definition.h"

/* A definition takes about 2 KB. */
#define DEFINITION_CACHE_SETS 1024
#define DEFINITION_CACHE_WAYS 8

struct cached_definition {
    uint64_t change; /* 0: free */
    uint64_t used;
    struct definition *definition;
};

struct definition_cache {
    pthread_mutex_t m;
    /* lock: m */
    struct cached_definition (*sets)[DEFINITION_CACHE_WAYS];
    uint64_t clock;
    uint64_t generation;
};

MUST_CHECK enum err_code definition_cache_init(struct definition_cache *c,
                                               struct err *e);
void definition_cache_fini(struct definition_cache *c);

/* A reference, NULL when it is not here. */
struct definition *definition_cache_get(struct definition_cache *c,
                                        uint64_t change);

/* Definitions are read under the topics of their time: those read before the
 * topics changed must not come in afterwards. */
void definition_cache_renew(struct definition_cache *c);
uint64_t definition_cache_generation(struct definition_cache *c);

/* Takes a reference of its own; nothing happens when the generation, asked for
 * before the definition was read, is not the cache's any more. */
void definition_cache_put(struct definition_cache *c, uint64_t change,
                          struct definition *d, uint64_t generation);

#endif
