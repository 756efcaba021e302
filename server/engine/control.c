#include "server/engine/control.h"

#include "server/engine/record.h"
#include "storage/store/store.h"

#define FIXED 48

size_t control_record_size(const struct control *c)
{
    return FIXED + c->settled.n + RECORD_SEAL_BYTES;
}

void control_record_write(const struct control *c, int64_t time_ms, char *out)
{
    memset(out, 0, FIXED);
    out[0] = RECORD_VERSION;
    out[1] = RECORD_CONTROL;
    out[2] = (char)c->kind;
    record_put_time(out, time_ms);
    store_put_u64(out + 16, c->subscription);
    store_put_u64(out + 24, c->first);
    store_put_u64(out + 32, c->last);
    store_put_u64(out + 40, c->letter);
    if (c->settled.n)
        memcpy(out + FIXED, c->settled.p, c->settled.n);
    record_seal(out, control_record_size(c));
}

enum err_code control_record_read(struct bytes record, struct control *out,
                                  struct err *e)
{
    const char *p = record.p;

    if (record_kind_of(record) != RECORD_CONTROL || !record_unseal(&record) ||
        record.n < FIXED || p[2] < CONTROL_PAUSE || p[2] > CONTROL_EXPIRE)
        return err_set(e, ERR_FORMAT,
                       "a control record of the log is damaged or of a newer "
                       "version");
    *out = (struct control){.kind = (enum control_kind)p[2],
                            .subscription = store_get_u64(p + 16),
                            .first = store_get_u64(p + 24),
                            .last = store_get_u64(p + 32),
                            .letter = store_get_u64(p + 40),
                            .settled = bytes_from(record, FIXED)};
    return ERR_OK;
}
