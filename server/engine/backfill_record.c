#include "server/engine/backfill_record.h"

#include "server/engine/record.h"
#include "storage/store/store.h"

#define FIXED 40
#define EVENT_BYTES (16 + CHAIN_BYTES)
#define AT_DONE 2

size_t backfill_record_size(size_t event_count)
{
    return FIXED + event_count * EVENT_BYTES + RECORD_SEAL_BYTES;
}

void backfill_record_write(const struct backfill_record *r,
                           const struct backfill_event *events, int64_t time_ms,
                           char *out)
{
    memset(out, 0, FIXED);
    out[0] = RECORD_VERSION;
    out[1] = RECORD_BACKFILL;
    out[AT_DONE] = r->done ? 1 : 0;
    record_put_time(out, time_ms);
    store_put_u64(out + 16, r->subscription);
    store_put_u64(out + 24, r->next);
    store_put_u64(out + 32, r->event_count);
    for (size_t i = 0; i < r->event_count; i++) {
        char *at = out + FIXED + i * EVENT_BYTES;

        store_put_u64(at, events[i].change);
        store_put_u64(at + 8, events[i].number);
        memcpy(at + 16, events[i].chain.p, CHAIN_BYTES);
    }
    record_seal(out, backfill_record_size(r->event_count));
}

enum err_code backfill_record_read(struct bytes record,
                                   struct backfill_record *out, struct err *e)
{
    const char *p = record.p;
    uint64_t count;

    if (record_kind_of(record) != RECORD_BACKFILL || !record_unseal(&record) ||
        record.n < FIXED)
        return err_set(e, ERR_FORMAT, "a backfill record is damaged");
    count = store_get_u64(p + 32);
    if (count > record.n ||
        backfill_record_size(count) - RECORD_SEAL_BYTES != record.n)
        return err_set(e, ERR_FORMAT, "a backfill record is damaged");
    *out = (struct backfill_record){.subscription = store_get_u64(p + 16),
                                    .next = store_get_u64(p + 24),
                                    .done = p[AT_DONE] != 0,
                                    .event_count = (size_t)count,
                                    .events = p + FIXED};
    return ERR_OK;
}

struct backfill_event backfill_record_event(const struct backfill_record *r,
                                            size_t index)
{
    const char *at = r->events + index * EVENT_BYTES;
    struct backfill_event event = {.change = store_get_u64(at),
                                   .number = store_get_u64(at + 8)};

    memcpy(event.chain.p, at + 16, CHAIN_BYTES);
    return event;
}
