#include "server/engine/row.h"

#include <stdlib.h>

#include "storage/store/store.h"

#define ROW_VERSION 3
#define ROW_FIXED 104
#define ROW_ERROR_MAX 255

static size_t acked_write(const struct acked *a, char *out)
{
    for (size_t i = 0; a && i < ACKED_WORDS; i++)
        store_put_u64(out + 8 * i, a->words[i]);
    return a ? sizeof *a : 0;
}

static bool acked_read(struct sub *s, const char *from)
{
    s->acked = calloc(1, sizeof *s->acked);
    for (size_t i = 0; s->acked && i < ACKED_WORDS; i++)
        s->acked->words[i] = store_get_u64(from + 8 * i);
    return s->acked != NULL;
}

struct bytes row_encode(const struct sub *s, uint64_t as_of,
                        char out[ROW_BYTES_MAX])
{
    size_t id_bytes = strlen(s->id);
    size_t error_bytes = s->error ? strlen(s->error) : 0;
    struct sub_rare rare = sub_rare_of(s);
    size_t n = ROW_FIXED;
    char attempts[8];

    if (error_bytes > ROW_ERROR_MAX)
        error_bytes = ROW_ERROR_MAX;
    memset(out, 0, ROW_FIXED);
    out[0] = ROW_VERSION;
    out[1] = (char)s->state.status;
    out[2] = (char)id_bytes;
    out[3] = (char)error_bytes;
    store_put_u64(attempts, s->state.attempts);
    memcpy(out + 4, attempts + 4, 4);
    store_put_u64(out + 8, as_of);
    store_put_u64(out + 16, s->state.definition);
    store_put_u64(out + 24, s->state.last_event);
    store_put_u64(out + 32, s->state.delivered);
    store_put_u64(out + 40, (uint64_t)s->state.next_attempt_ms);
    store_put_u64(out + 48, (uint64_t)s->state.requested_ms);
    memcpy(out + 56, s->state.chain.p, CHAIN_BYTES);
    store_put_u64(out + 72, rare.chain_since);
    store_put_u64(out + 80, rare.failed_event);
    store_put_u64(out + 88, rare.parked);
    out[96] = (char)s->state.failure;
    out[97] = s->acked ? 1 : 0;
    memcpy(out + n, s->id, id_bytes);
    n += id_bytes;
    if (error_bytes)
        memcpy(out + n, s->error, error_bytes);
    n += error_bytes;
    return bytes_make(out, n + acked_write(s->acked, out + n));
}

static bool row_valid(struct bytes row)
{
    if (row.n < ROW_FIXED || row.p[0] != ROW_VERSION)
        return false;
    return row.p[1] >= STATUS_REQUESTED && row.p[1] <= STATUS_OFF &&
           row.n == ROW_FIXED + (size_t)(unsigned char)row.p[2] +
                        (unsigned char)row.p[3] +
                        (row.p[97] ? sizeof(struct acked) : 0);
}

/* What follows the id. */
static bool read_rest(struct sub *s, struct bytes row)
{
    struct bytes rest =
        bytes_from(row, ROW_FIXED + (size_t)(unsigned char)row.p[2]);
    size_t error_bytes = (unsigned char)row.p[3];

    if (error_bytes) {
        s->error = strndup(rest.p, error_bytes);
        if (!s->error)
            return false;
    }
    return !row.p[97] || acked_read(s, rest.p + error_bytes);
}

enum err_code row_decode(uint64_t number, struct bytes row, struct sub **out,
                         struct err *e)
{
    char attempts[8] = {0};
    struct sub_rare rare;
    struct sub *s;
    size_t id_bytes;

    if (!row_valid(row))
        return err_set(e, ERR_FORMAT,
                       "a subscription's row is damaged or of another version");
    id_bytes = (unsigned char)row.p[2];
    s = sub_new(number, bytes_make(row.p + ROW_FIXED, id_bytes));
    if (!s)
        return err_nomem(e);
    if (!read_rest(s, row)) {
        sub_free(s);
        return err_nomem(e);
    }
    memcpy(attempts + 4, row.p + 4, 4);
    s->loaded_as_of = store_get_u64(row.p + 8);
    s->state = (struct sub_state){
        .status = (enum subscription_status)row.p[1],
        .attempts = (uint32_t)store_get_u64(attempts),
        .definition = store_get_u64(row.p + 16),
        .last_event = store_get_u64(row.p + 24),
        .delivered = store_get_u64(row.p + 32),
        .next_attempt_ms = (int64_t)store_get_u64(row.p + 40),
        .requested_ms = (int64_t)store_get_u64(row.p + 48),
        .failure = (enum failure_class)(unsigned char)row.p[96]};
    memcpy(s->state.chain.p, row.p + 56, CHAIN_BYTES);
    rare = (struct sub_rare){.chain_since = store_get_u64(row.p + 72),
                             .failed_event = store_get_u64(row.p + 80),
                             .parked = store_get_u64(row.p + 88)};
    if (!rare_is_empty(&rare)) {
        s->rare = malloc(sizeof *s->rare);
        if (!s->rare) {
            sub_free(s);
            return err_nomem(e);
        }
        *s->rare = rare;
    }
    *out = s;
    return ERR_OK;
}
