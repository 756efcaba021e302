/* huge: memory for large tables that are looked into at random: in huge pages
 * where the system has them, so that a look costs one miss and not two.
 * Owns:   nothing; the caller gives back what it took.
 * Thread: any.
 * Bounds: the caller's. */
#ifndef BELFRY_STORAGE_BASE_HUGE_H
#define BELFRY_STORAGE_BASE_HUGE_H

#include <stddef.h>

/* Pages of this size; smaller objects have no use for them. */
#define HUGE_BYTES ((size_t)2 << 20)

/* Zeroed, a multiple of HUGE_BYTES at a multiple of it. What was never
 * touched takes no memory, in steps of HUGE_BYTES. NULL without memory. */
void *huge_alloc(size_t bytes);
/* The same in small pages, for what may stay almost empty. */
void *huge_lazy(size_t bytes);
void huge_free(void *p, size_t bytes); /* p may be NULL */

#endif
