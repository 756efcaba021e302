/* control: what an operator or a subscriber asks of a subscription's delivery,
 * in the form that the log keeps.
 * Owns:   nothing; a decoded one borrows the record.
 * Thread: any.
 * Errors: ERR_FORMAT for a damaged record. */
#ifndef BELFRY_SERVER_ENGINE_CONTROL_H
#define BELFRY_SERVER_ENGINE_CONTROL_H

#include "storage/base/bytes.h"
#include "storage/base/err.h"

/* The numbers are kept in the log: they never change. */
enum control_kind {
    CONTROL_PAUSE = 1,     /* number and queue on, send nothing */
    CONTROL_RESUME = 2,    /* send again */
    CONTROL_RESEND = 3,    /* send events first to last again */
    CONTROL_REDELIVER = 4, /* send a dead letter's events again */
    CONTROL_DISCARD = 5,   /* settle a dead letter without sending */
    CONTROL_EXPIRE = 6     /* retention removes the events up to last */
};

struct control {
    uint64_t subscription; /* number; filled in when it is applied */
    enum control_kind kind;
    uint64_t first;  /* RESEND, REDELIVER; filled in for the latter */
    uint64_t last;   /* the same; EXPIRE */
    uint64_t letter; /* REDELIVER, DISCARD: the dead letter's number */
    /* REDELIVER, DISCARD: the view's entry from then on; filled in */
    struct bytes settled;
};

size_t control_record_size(const struct control *c);
void control_record_write(const struct control *c, int64_t time_ms, char *out);
MUST_CHECK enum err_code
control_record_read(struct bytes record, struct control *out, struct err *e);

#endif
