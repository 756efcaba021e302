/* users: how many hold an immutable object that is shared by reference.
 * Owns:   nothing; embedded in the object.
 * Thread: any. */
#ifndef BELFRY_STORAGE_BASE_USERS_H
#define BELFRY_STORAGE_BASE_USERS_H

#include <stdatomic.h>
#include <stdbool.h>

struct users {
    atomic_uint count;
};

/* One user: who made the object. */
static inline void users_init(struct users *u)
{
    atomic_init(&u->count, 1U);
}

static inline void users_add(struct users *u)
{
    (void)atomic_fetch_add_explicit(&u->count, 1U, memory_order_relaxed);
}

/* True when it was the last: the object is the caller's to free. */
static inline bool users_drop(struct users *u)
{
    return atomic_fetch_sub_explicit(&u->count, 1U, memory_order_acq_rel) == 1;
}

#endif
