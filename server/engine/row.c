#include "server/engine/row.h"

#include <stdlib.h>

#include "storage/store/store.h"

#define ROW_VERSION 2
#define ROW_FIXED 80
#define ROW_ERROR_MAX 255

struct bytes row_encode(const struct sub *s, uint64_t as_of,
                        char out[ROW_BYTES_MAX])
{
    size_t id_bytes = strlen(s->id);
    size_t error_bytes = s->error ? strlen(s->error) : 0;
    struct sub_rare rare = sub_rare_of(s);
    char attempts[8];

    if (error_bytes > ROW_ERROR_MAX)
        error_bytes = ROW_ERROR_MAX;
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
    memcpy(out + ROW_FIXED, s->id, id_bytes);
    if (error_bytes)
        memcpy(out + ROW_FIXED + id_bytes, s->error, error_bytes);
    return bytes_make(out, ROW_FIXED + id_bytes + error_bytes);
}

static bool row_valid(struct bytes row)
{
    if (row.n < ROW_FIXED || row.p[0] != ROW_VERSION)
        return false;
    return row.p[1] >= STATUS_REQUESTED && row.p[1] <= STATUS_OFF &&
           row.n == ROW_FIXED + (size_t)(unsigned char)row.p[2] +
                        (unsigned char)row.p[3];
}

enum err_code row_decode(uint64_t number, struct bytes row, struct sub **out,
                         struct err *e)
{
    char attempts[8] = {0};
    struct sub_rare rare = {0};
    struct sub *s;
    size_t id_bytes, error_bytes;

    if (!row_valid(row))
        return err_set(e, ERR_FORMAT, "a subscription's row is damaged");
    id_bytes = (unsigned char)row.p[2];
    error_bytes = (unsigned char)row.p[3];
    s = sub_new(number, bytes_make(row.p + ROW_FIXED, id_bytes));
    if (!s)
        return err_nomem(e);
    if (error_bytes) {
        s->error = strndup(row.p + ROW_FIXED + id_bytes, error_bytes);
        if (!s->error) {
            sub_free(s);
            return err_nomem(e);
        }
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
        .requested_ms = (int64_t)store_get_u64(row.p + 48)};
    memcpy(s->state.chain.p, row.p + 56, CHAIN_BYTES);
    rare.chain_since = store_get_u64(row.p + 72);
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
