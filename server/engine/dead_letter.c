#include "server/engine/dead_letter.h"

#include "storage/store/store.h"

#define FIXED 40

struct bytes dead_letter_encode(const struct dead_letter *d,
                                char out[DEAD_LETTER_BYTES_MAX])
{
    size_t error_bytes = strnlen(d->error, sizeof d->error - 1);

    memset(out, 0, FIXED);
    out[0] = (char)d->state;
    out[1] = (char)d->failure;
    store_put_u64(out + 8, (uint64_t)d->time_ms);
    store_put_u64(out + 16, d->first);
    store_put_u64(out + 24, d->last);
    store_put_u64(out + 32, d->attempts);
    memcpy(out + FIXED, d->error, error_bytes);
    return bytes_make(out, FIXED + error_bytes);
}

enum err_code dead_letter_decode(struct bytes value, struct dead_letter *out,
                                 struct err *e)
{
    if (value.n < FIXED || value.n >= DEAD_LETTER_BYTES_MAX ||
        value.p[0] < DEAD_LETTER_WAITING || value.p[0] > DEAD_LETTER_DISCARDED)
        return err_set(e, ERR_FORMAT, "a dead letter is damaged");
    *out =
        (struct dead_letter){.state = (enum dead_letter_state)value.p[0],
                             .failure = (enum failure_class)value.p[1],
                             .time_ms = (int64_t)store_get_u64(value.p + 8),
                             .first = store_get_u64(value.p + 16),
                             .last = store_get_u64(value.p + 24),
                             .attempts = (uint32_t)store_get_u64(value.p + 32)};
    memcpy(out->error, value.p + FIXED, value.n - FIXED);
    return ERR_OK;
}
