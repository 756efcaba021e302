/* acked: the events past a subscription's cursor that are acknowledged or set
 * aside already, when its events are not sent in one line.
 * Owns:   nothing.
 * Thread: any; pure.
 * Bounds: ACKED_WINDOW events past the cursor; nothing further is sent. */
#ifndef BELFRY_SERVER_ENGINE_ACKED_H
#define BELFRY_SERVER_ENGINE_ACKED_H

#include <stdbool.h>
#include <stdint.h>

#define ACKED_WINDOW 1024
#define ACKED_WORDS (ACKED_WINDOW / 64)

/* Bit i stands for the event number cursor + 1 + i. */
struct acked {
    uint64_t words[ACKED_WORDS];
};

bool acked_is_empty(const struct acked *a);

/* False for an event at or before the cursor, or past the window. */
bool acked_has(const struct acked *a, uint64_t cursor, uint64_t event);
void acked_add(struct acked *a, uint64_t cursor, uint64_t event);

/* Moves the cursor to `to` (not back), then over the events that follow it
 * and are acknowledged. Returns the new cursor. */
uint64_t acked_move(struct acked *a, uint64_t cursor, uint64_t to);

#endif
