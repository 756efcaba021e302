/* known_subs: what the log alone says of each subscription, kept while a check
 * reads it from its start to its end.
 * Owns:   its entries.
 * Thread: one.
 * Bounds: one entry for each Subscription ever created. */
#ifndef BELFRY_SERVER_ENGINE_KNOWN_SUBS_H
#define BELFRY_SERVER_ENGINE_KNOWN_SUBS_H

#include "storage/base/bytes.h"
#include "storage/base/err.h"
#include "storage/base/map.h"

struct known_sub {
    uint64_t number;     /* the change that created it */
    uint64_t definition; /* the change of its newest version */
    uint64_t deleted;    /* the change that deleted it, 0: it lives */
    uint64_t events;     /* the last number, over the whole log */
    uint64_t merged;     /* the last number that the views must have */
    uint64_t missing;    /* newest event that the view queue lacks */
    char id[];
};

struct known_subs {
    struct known_sub **items; /* numbers ascend */
    size_t count;
    size_t capacity;
    struct map by_id; /* those that live */
    uint64_t seed[2];
};

void known_subs_init(struct known_subs *k);
void known_subs_fini(struct known_subs *k);

/* number must be greater than all before. NULL without memory. */
struct known_sub *known_subs_add(struct known_subs *k, uint64_t number,
                                 struct bytes id);

/* NULL: none. By id only one that lives. */
struct known_sub *known_subs_find(const struct known_subs *k, uint64_t number);
struct known_sub *known_subs_find_id(const struct known_subs *k,
                                     struct bytes id);

void known_subs_delete(struct known_subs *k, struct known_sub *s,
                       uint64_t change);

#endif
