/* inbox: the subscriptions that changed since the delivery thread last looked,
 * each once.
 * Owns:   its tables.
 * Thread: inbox_add() by any, inbox_take() by one; its lock is never held for
 *         more than a copy.
 * Bounds: DELIVERY_INBOX numbers; past it (or without memory) the answer is
 *         "look at all of them".
 * Errors: ERR_NOMEM when it is made. */
#ifndef BELFRY_SERVER_DELIVERY_INBOX_H
#define BELFRY_SERVER_DELIVERY_INBOX_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"

struct inbox;

MUST_CHECK enum err_code inbox_new(size_t max, struct inbox **out,
                                   struct err *e);
void inbox_free(struct inbox *b);

/* True when it was empty before: somebody has to be woken. */
bool inbox_add(struct inbox *b, const uint64_t *numbers, size_t n);

struct inbox_content {
    const uint64_t *numbers; /* until the next inbox_take() */
    size_t n;
    bool all; /* numbers were lost: look at all */
};

/* Empties it. */
struct inbox_content inbox_take(struct inbox *b);

#endif
