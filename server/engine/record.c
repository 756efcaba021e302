#include "server/engine/record.h"

#include <endian.h>

#include "storage/base/crc32c.h"

#define CHANGE_HEADER 40
#define EVENT_BYTES 16
#define SURROUND_HEADER 4
#define EVENT_CHAINED_BYTES (EVENT_BYTES + CHAIN_BYTES)
#define REPORTS_HEADER 16
#define REPORT_FIXED 40
#define REPORT_RANGE 16   /* after the error, of the kinds that have one */
#define REPORT_ATTEMPT 36 /* after that, where the kind has this bit */
#define KIND_WITH_ATTEMPT 0x80u
#define FLAG_UPDATE_AS_CREATE 1
#define FLAG_CHAINED 2
#define FLAG_SURROUND 4 /* its length and itself behind the events */
#define VERSION_UNSEALED 1

static void put16(char *at, uint16_t value)
{
    value = htole16(value);
    memcpy(at, &value, sizeof value);
}

static void put32(char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

static void put64(char *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static uint16_t get16(const char *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof value);
    return le16toh(value);
}

static uint32_t get32(const char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static uint64_t get64(const char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

static size_t event_bytes(const struct record_change *c)
{
    return c->chained ? EVENT_CHAINED_BYTES : EVENT_BYTES;
}

size_t record_change_size(const struct record_change *c)
{
    return CHANGE_HEADER + c->type.n + c->id.n + c->text.n +
           c->event_count * event_bytes(c) +
           (c->surround.n ? SURROUND_HEADER + c->surround.n : 0) +
           RECORD_SEAL_BYTES;
}

char *record_change_write(const struct record_change *c,
                          const struct record_event *events, char *out)
{
    char *at = out + CHANGE_HEADER, *text;

    memset(out, 0, CHANGE_HEADER);
    out[0] = RECORD_VERSION;
    out[1] = RECORD_CHANGE;
    out[2] = (char)c->interaction;
    out[3] = (char)((c->update_as_create ? FLAG_UPDATE_AS_CREATE : 0) |
                    (c->chained ? FLAG_CHAINED : 0) |
                    (c->surround.n ? FLAG_SURROUND : 0));
    out[4] = (char)c->type.n;
    out[5] = (char)c->id.n;
    put16(out + 6, c->behind);
    put64(out + 8, (uint64_t)c->time_ms);
    put64(out + 16, c->version);
    put64(out + 24, c->previous);
    put32(out + 32, (uint32_t)c->text.n);
    put32(out + 36, (uint32_t)c->event_count);
    memcpy(at, c->type.p, c->type.n);
    at += c->type.n;
    memcpy(at, c->id.p, c->id.n);
    at += c->id.n;
    text = at;
    at += c->text.n;
    for (size_t i = 0; i < c->event_count; i++, at += event_bytes(c)) {
        put64(at, events[i].subscription);
        put64(at + 8, events[i].number);
        if (c->chained)
            memcpy(at + EVENT_BYTES, events[i].chain.p, CHAIN_BYTES);
    }
    if (c->surround.n) {
        put32(at, (uint32_t)c->surround.n);
        memcpy(at + SURROUND_HEADER, c->surround.p, c->surround.n);
    }
    return text;
}

void record_seal(char *record, size_t n)
{
    put32(record + n - RECORD_SEAL_BYTES,
          crc32c(bytes_make(record, n - RECORD_SEAL_BYTES)));
}

enum record_kind record_kind_of(struct bytes record)
{
    if (record.n < REPORTS_HEADER ||
        (record.p[0] != RECORD_VERSION && record.p[0] != VERSION_UNSEALED))
        return (enum record_kind)0;
    return (enum record_kind)record.p[1];
}

bool record_unseal(struct bytes *record)
{
    size_t n = record->n - RECORD_SEAL_BYTES;

    if (record->p[0] == VERSION_UNSEALED)
        return true;
    if (crc32c(bytes_make(record->p, n)) != get32(record->p + n))
        return false;
    record->n = n;
    return true;
}

int64_t record_time(struct bytes record)
{
    return record.n < REPORTS_HEADER ? 0 : (int64_t)get64(record.p + 8);
}

void record_put_time(char *record, int64_t time_ms)
{
    put64(record + 8, (uint64_t)time_ms);
}

static enum err_code damaged(struct err *e)
{
    return err_set(e, ERR_FORMAT,
                   "a record of the log is damaged or of a "
                   "newer version");
}

static bool read_surround(struct bytes record, struct record_change *out)
{
    size_t before = (size_t)(out->events - record.p);
    size_t events = out->event_count * event_bytes(out);
    struct bytes rest;

    if (before > record.n || events > record.n - before)
        return false;
    rest = bytes_from(record, before + events);
    if (rest.n <= SURROUND_HEADER || get32(rest.p) != rest.n - SURROUND_HEADER)
        return false;
    out->surround = bytes_from(rest, SURROUND_HEADER);
    return true;
}

enum err_code record_change_read(struct bytes record, struct record_change *out,
                                 struct err *e)
{
    const char *p = record.p, *at = p + CHANGE_HEADER;

    if (record_kind_of(record) != RECORD_CHANGE || !record_unseal(&record) ||
        record.n < CHANGE_HEADER)
        return damaged(e);
    *out = (struct record_change){.interaction = (enum interaction)p[2],
                                  .update_as_create =
                                      (p[3] & FLAG_UPDATE_AS_CREATE) != 0,
                                  .chained = (p[3] & FLAG_CHAINED) != 0,
                                  .time_ms = (int64_t)get64(p + 8),
                                  .version = get64(p + 16),
                                  .previous = get64(p + 24),
                                  .event_count = get32(p + 36),
                                  .behind = get16(p + 6)};
    out->type = bytes_make(at, (unsigned char)p[4]);
    out->id = bytes_make(at + out->type.n, (unsigned char)p[5]);
    out->text = bytes_make(out->id.p + out->id.n, get32(p + 32));
    out->events = out->text.p + out->text.n;
    if ((p[3] & FLAG_SURROUND) && !read_surround(record, out))
        return damaged(e);
    return record_change_size(out) - RECORD_SEAL_BYTES == record.n ? ERR_OK
                                                                   : damaged(e);
}

struct record_event record_change_event(const struct record_change *c,
                                        size_t index)
{
    const char *at = c->events + index * event_bytes(c);
    struct record_event event = {.subscription = get64(at),
                                 .number = get64(at + 8)};

    if (c->chained)
        memcpy(event.chain.p, at + EVENT_BYTES, CHAIN_BYTES);
    return event;
}

static size_t range_bytes(enum report_kind kind)
{
    return kind >= REPORT_ACKED ? REPORT_RANGE : 0;
}

size_t record_reports_size(const struct report *reports, size_t n)
{
    size_t size = REPORTS_HEADER + RECORD_SEAL_BYTES;

    for (size_t i = 0; i < n; i++)
        size += REPORT_FIXED + strlen(reports[i].error) +
                range_bytes(reports[i].kind) +
                (reports[i].attempt.made ? REPORT_ATTEMPT : 0);
    return size;
}

static char *put_attempt(const struct report_attempt *a, char *at)
{
    memset(at, 0, REPORT_ATTEMPT);
    put64(at, a->first);
    put64(at + 8, a->chosen);
    put32(at + 16, a->span);
    put32(at + 20, a->duration_ms);
    put16(at + 24, a->said);
    put64(at + 28, (uint64_t)a->ended_ms);
    return at + REPORT_ATTEMPT;
}

static void get_attempt(const char *at, struct report_attempt *out)
{
    *out = (struct report_attempt){.made = true,
                                   .first = get64(at),
                                   .chosen = get64(at + 8),
                                   .span = get32(at + 16),
                                   .duration_ms = get32(at + 20),
                                   .said = get16(at + 24),
                                   .ended_ms = (int64_t)get64(at + 28)};
}

void record_reports_write(const struct report *reports, size_t n,
                          int64_t time_ms, char *out)
{
    char *at = out + REPORTS_HEADER;

    memset(out, 0, REPORTS_HEADER);
    out[0] = RECORD_VERSION;
    out[1] = RECORD_REPORTS;
    put32(out + 4, (uint32_t)n);
    put64(out + 8, (uint64_t)time_ms);
    for (size_t i = 0; i < n; i++) {
        const struct report *r = &reports[i];
        size_t error_bytes = strlen(r->error);

        put64(at, r->subscription);
        put64(at + 8, r->definition);
        put64(at + 16, r->event);
        put64(at + 24, (uint64_t)r->next_attempt_ms);
        put32(at + 32, r->attempts);
        put16(at + 36, (uint16_t)error_bytes);
        at[38] = (char)(r->kind | (r->attempt.made ? KIND_WITH_ATTEMPT : 0));
        at[39] = (char)r->failure;
        memcpy(at + REPORT_FIXED, r->error, error_bytes);
        at += REPORT_FIXED + error_bytes;
        if (range_bytes(r->kind)) {
            put64(at, r->first);
            put64(at + 8, r->letter);
            at += REPORT_RANGE;
        }
        if (r->attempt.made)
            at = put_attempt(&r->attempt, at);
    }
    record_seal(out, (size_t)(at - out) + RECORD_SEAL_BYTES);
}

/* One report; *n is what it takes. False for a damaged one. */
static bool read_report(struct bytes from, struct report *r, size_t *n)
{
    size_t error_bytes;
    unsigned kind;

    if (from.n < REPORT_FIXED)
        return false;
    kind = (unsigned char)from.p[38];
    *r = (struct report){.subscription = get64(from.p),
                         .definition = get64(from.p + 8),
                         .event = get64(from.p + 16),
                         .next_attempt_ms = (int64_t)get64(from.p + 24),
                         .attempts = get32(from.p + 32),
                         .kind = (enum report_kind)(kind & ~KIND_WITH_ATTEMPT),
                         .failure =
                             (enum failure_class)(unsigned char)from.p[39]};
    error_bytes = get16(from.p + 36);
    *n = REPORT_FIXED + error_bytes + range_bytes(r->kind) +
         (kind & KIND_WITH_ATTEMPT ? REPORT_ATTEMPT : 0);
    if (error_bytes >= sizeof r->error || from.n < *n)
        return false;
    memcpy(r->error, from.p + REPORT_FIXED, error_bytes);
    if (range_bytes(r->kind)) {
        r->first = get64(from.p + REPORT_FIXED + error_bytes);
        r->letter = get64(from.p + REPORT_FIXED + error_bytes + 8);
    }
    if (kind & KIND_WITH_ATTEMPT)
        get_attempt(from.p + *n - REPORT_ATTEMPT, &r->attempt);
    return true;
}

enum err_code record_reports_each(struct bytes record,
                                  void (*each)(void *ctx,
                                               const struct report *r),
                                  void *ctx, struct err *e)
{
    struct bytes rest;
    struct report r;
    size_t count, n;

    if (record_kind_of(record) != RECORD_REPORTS || !record_unseal(&record))
        return damaged(e);
    rest = bytes_from(record, REPORTS_HEADER);
    count = get32(record.p + 4);
    for (size_t i = 0; i < count; i++) {
        if (!read_report(rest, &r, &n))
            return damaged(e);
        each(ctx, &r);
        rest = bytes_from(rest, n);
    }
    return ERR_OK;
}
