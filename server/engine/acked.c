#include "server/engine/acked.h"

#include <string.h>

bool acked_is_empty(const struct acked *a)
{
    for (int i = 0; i < ACKED_WORDS; i++)
        if (a->words[i])
            return false;
    return true;
}

bool acked_has(const struct acked *a, uint64_t cursor, uint64_t event)
{
    uint64_t at = event - cursor - 1;

    return event > cursor && at < ACKED_WINDOW &&
           (a->words[at / 64] >> (at % 64) & 1) != 0;
}

void acked_add(struct acked *a, uint64_t cursor, uint64_t event)
{
    uint64_t at = event - cursor - 1;

    if (event > cursor && at < ACKED_WINDOW)
        a->words[at / 64] |= UINT64_C(1) << (at % 64);
}

static uint64_t word_at(const struct acked *a, uint64_t index)
{
    return index < ACKED_WORDS ? a->words[index] : 0;
}

static void shift(struct acked *a, uint64_t by)
{
    uint64_t words = by / 64;
    unsigned bits = (unsigned)(by % 64);

    for (uint64_t i = 0; i < ACKED_WORDS; i++) {
        uint64_t low = word_at(a, i + words);
        uint64_t high = word_at(a, i + words + 1);

        a->words[i] = bits ? low >> bits | high << (64 - bits) : low;
    }
}

uint64_t acked_move(struct acked *a, uint64_t cursor, uint64_t to)
{
    if (to > cursor) {
        if (to - cursor >= ACKED_WINDOW)
            memset(a, 0, sizeof *a);
        else
            shift(a, to - cursor);
        cursor = to;
    }
    while (a->words[0] & 1) {
        uint64_t run =
            ~a->words[0] ? (uint64_t)__builtin_ctzll(~a->words[0]) : 64;

        shift(a, run);
        cursor += run;
    }
    return cursor;
}
