#include "server/engine/row.h"

#include "storage/store/store.h"

#define ROW_VERSION 5
#define ROW_ERROR_MAX 255
#define RESEND_BYTES 16

#define FLAG_UNFIT 1
#define FLAG_FORM 2
#define FLAG_CLASSIC 4
#define FLAG_TIMED 8

/* By version. Version 2 has the gap proof behind what version 1 has, version 3
 * failures, dead letters and acknowledgements, version 4 the end and the
 * form, version 5 retention, pauses, backfills and what is to be sent
 * again. */
#define FIXED_1 56
#define FIXED_2 80
#define FIXED_3 104
#define FIXED_4 120
#define FIXED 168
#define AT_FLAGS 117

static void put16(char *at, size_t n)
{
    at[0] = (char)(n >> 8);
    at[1] = (char)n;
}

static size_t get16(const char *at)
{
    return (size_t)(unsigned char)at[0] << 8 | (unsigned char)at[1];
}

static size_t get8(const char *at)
{
    return (unsigned char)at[0];
}

static void encode_fixed(const struct sub *s, uint64_t as_of, char *out)
{
    struct sub_rare rare = sub_rare_of(s);
    char attempts[8];

    memset(out, 0, FIXED);
    out[0] = ROW_VERSION;
    out[1] = (char)s->state.status;
    store_put_u64(attempts, rare.attempts);
    memcpy(out + 4, attempts + 4, 4);
    store_put_u64(out + 8, as_of);
    store_put_u64(out + 16, s->state.definition);
    store_put_u64(out + 24, s->state.last_event);
    store_put_u64(out + 32, s->state.delivered);
    store_put_u64(out + 40, (uint64_t)rare.next_attempt_ms);
    store_put_u64(out + 48, (uint64_t)s->state.requested_ms);
    memcpy(out + 56, s->state.chain.p, CHAIN_BYTES);
    store_put_u64(out + 72, rare.chain_since);
    store_put_u64(out + 80, rare.failed_event);
    store_put_u64(out + 88, rare.parked);
    out[96] = (char)s->state.failure;
    out[97] = rare.acked ? 1 : 0;
    store_put_u64(out + 104, (uint64_t)rare.end_ms);
    store_put_u64(out + 120, s->state.expired);
    store_put_u64(out + 128, rare.settled);
    store_put_u64(out + 136, rare.lost);
    out[144] = rare.paused ? 1 : 0;
    out[146] = (char)rare.backfill;
    store_put_u64(out + 152, rare.backfill_next);
    store_put_u64(out + 160, rare.backfill_upto);
    out[145] = (char)rare.resend_count;
    out[AT_FLAGS] = (char)((s->state.unfit ? FLAG_UNFIT : 0) |
                           (s->state.classic ? FLAG_CLASSIC : 0) |
                           (s->state.timed ? FLAG_TIMED : 0));
}

static char *append(char *at, struct bytes text)
{
    if (text.n)
        memcpy(at, text.p, text.n);
    return at + text.n;
}

static char *append_acked(char *at, const struct acked *a)
{
    for (size_t i = 0; a && i < ACKED_WORDS; i++)
        store_put_u64(at + 8 * i, a->words[i]);
    return a ? at + sizeof *a : at;
}

static char *append_resend(char *at, const struct sub_rare *r)
{
    for (size_t i = 0; i < r->resend_count; i++, at += RESEND_BYTES) {
        store_put_u64(at, r->resend[i].first);
        store_put_u64(at + 8, r->resend[i].last);
    }
    return at;
}

static char *append_form(char *out, char *at, const struct form *f)
{
    struct form_text text = form_text(f);

    if (text.key.n + text.values.n + text.secret.n > ROW_FORM_MAX)
        return at;
    out[AT_FLAGS] = (char)(out[AT_FLAGS] | FLAG_FORM);
    put16(out + 112, text.key.n);
    put16(out + 114, text.values.n);
    out[116] = (char)text.secret.n;
    at = append(at, text.key);
    at = append(at, text.values);
    return append(at, text.secret);
}

struct bytes row_encode(const struct sub *s, const struct form *form,
                        uint64_t as_of, char out[ROW_BYTES_MAX])
{
    char raw[SUB_ID_BYTES];
    const struct sub_rare rare = sub_rare_of(s);
    struct bytes id = sub_id(s, raw), error = bytes_of(sub_error(s));
    char *at = out + FIXED;

    if (error.n > ROW_ERROR_MAX)
        error.n = ROW_ERROR_MAX;
    encode_fixed(s, as_of, out);
    out[2] = (char)id.n;
    out[3] = (char)error.n;
    at = append(at, id);
    at = append(at, error);
    at = append_acked(at, rare.acked);
    at = append_resend(at, &rare);
    if (form)
        at = append_form(out, at, form);
    return bytes_make(out, (size_t)(at - out));
}

static size_t fixed_of(struct bytes row)
{
    static const size_t sizes[] = {0,       FIXED_1, FIXED_2,
                                   FIXED_3, FIXED_4, FIXED};
    size_t version = row.n ? get8(row.p) : 0;

    return version <= ROW_VERSION ? sizes[version] : 0;
}

static struct bytes take(struct bytes *rest, size_t n)
{
    struct bytes part = bytes_make(rest->p, n);

    *rest = bytes_from(*rest, n);
    return part;
}

static void read_acked(struct bytes from, struct acked *out)
{
    for (size_t i = 0; i < from.n / 8; i++)
        out->words[i] = store_get_u64(from.p + 8 * i);
}

static void read_resend(struct bytes from, struct sub_rare *out)
{
    out->resend_count = (uint8_t)(from.n / RESEND_BYTES);
    for (size_t i = 0; i < out->resend_count; i++)
        out->resend[i] =
            (struct resend){store_get_u64(from.p + RESEND_BYTES * i),
                            store_get_u64(from.p + RESEND_BYTES * i + 8)};
}

/* fixed is the header with zeros for what an earlier version lacks. */
static bool split(struct bytes rest, const char *fixed, struct row *out)
{
    size_t id = get8(fixed + 2), error = get8(fixed + 3);
    size_t acked = fixed[97] ? sizeof(struct acked) : 0;
    size_t key = get16(fixed + 112), values = get16(fixed + 114);
    size_t secret = get8(fixed + 116);
    size_t resend = get8(fixed + 145) * RESEND_BYTES;

    if (rest.n != id + error + acked + resend + key + values + secret ||
        id == 0 || id > SUB_ID_BYTES || get8(fixed + 145) > RESEND_MAX)
        return false;
    out->id = take(&rest, id);
    out->error = take(&rest, error);
    read_acked(take(&rest, acked), &out->acked);
    read_resend(take(&rest, resend), &out->rare);
    out->form.key = take(&rest, key);
    out->form.values = take(&rest, values);
    out->form.secret = take(&rest, secret);
    return true;
}

static void decode_fixed(const char *fixed, struct row *out)
{
    char attempts[8] = {0};

    memcpy(attempts + 4, fixed + 4, 4);
    out->as_of = store_get_u64(fixed + 8);
    out->has_acked = fixed[97] != 0;
    out->has_form = (fixed[AT_FLAGS] & FLAG_FORM) != 0;
    out->state =
        (struct sub_state){.status = (enum subscription_status)fixed[1],
                           .failure = (enum failure_class)get8(fixed + 96),
                           .classic = (fixed[AT_FLAGS] & FLAG_CLASSIC) != 0,
                           .unfit = (fixed[AT_FLAGS] & FLAG_UNFIT) != 0,
                           .timed = (fixed[AT_FLAGS] & FLAG_TIMED) != 0,
                           .definition = store_get_u64(fixed + 16),
                           .last_event = store_get_u64(fixed + 24),
                           .delivered = store_get_u64(fixed + 32),
                           .expired = store_get_u64(fixed + 120),
                           .requested_ms = (int64_t)store_get_u64(fixed + 48)};
    memcpy(out->state.chain.p, fixed + 56, CHAIN_BYTES);
    out->rare =
        (struct sub_rare){.attempts = (uint32_t)store_get_u64(attempts),
                          .next_attempt_ms = (int64_t)store_get_u64(fixed + 40),
                          .chain_since = store_get_u64(fixed + 72),
                          .failed_event = store_get_u64(fixed + 80),
                          .parked = store_get_u64(fixed + 88),
                          .settled = store_get_u64(fixed + 128),
                          .lost = store_get_u64(fixed + 136),
                          .paused = fixed[144] != 0,
                          .backfill = (uint8_t)get8(fixed + 146),
                          .backfill_next = store_get_u64(fixed + 152),
                          .backfill_upto = store_get_u64(fixed + 160),
                          .end_ms = (int64_t)store_get_u64(fixed + 104)};
}

enum err_code row_decode(struct bytes row, struct row *out, struct err *e)
{
    size_t n = fixed_of(row);
    char fixed[FIXED] = {0};

    if (n == 0 || row.n < n || row.p[1] < STATUS_REQUESTED ||
        row.p[1] > STATUS_OFF)
        return err_set(e, ERR_FORMAT, "a subscription's row is damaged");
    memcpy(fixed, row.p, n);
    decode_fixed(fixed, out);
    if (!split(bytes_from(row, n), fixed, out))
        return err_set(e, ERR_FORMAT, "a subscription's row is damaged");
    return ERR_OK;
}
