/* outcome: how an attempt ended, what follows from it, and how it is told.
 * Channels translate what they saw into a failure class; nothing here knows
 * which channel it was.
 * Owns:   nothing.
 * Thread: any; pure.
 * P6: the text holds no body, header, address or URL. */
#ifndef BELFRY_SERVER_DELIVERY_OUTCOME_H
#define BELFRY_SERVER_DELIVERY_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/engine/failure.h"

#define OUTCOME_SAID_BYTES 24

struct outcome {
    enum failure_class failure;    /* FAILURE_NONE: a success */
    int64_t retry_after_ms;        /* 0: none asked for */
    char said[OUTCOME_SAID_BYTES]; /* "HTTP status 503"; "": no answer came */
    uint16_t status;               /* HTTP's; 0: no answer came */
};

enum verdict {
    VERDICT_SUCCESS = 1,
    VERDICT_RETRY,    /* failed: again on the schedule */
    VERDICT_OFF,      /* the endpoint wants no more */
    VERDICT_HALT,     /* may not be sent there: no attempt counts, and none
                         follows before the subscription is asked for anew */
    VERDICT_SPLIT,    /* too large: smaller ones, when it can be split */
    VERDICT_UNCHARGED /* not the endpoint's fault: soon again */
};

enum verdict outcome_verdict(const struct outcome *o);

/* What an attempt says of the endpoint, whatever it says of the message. */
enum endpoint_sign {
    SIGN_NONE = 1, /* nothing */
    SIGN_ALIVE,    /* it answers, as it means to */
    SIGN_FAILING,
    SIGN_OVERLOADED /* failing, and less at once may help */
};

enum endpoint_sign outcome_sign(const struct outcome *o);

/* It refuses what was sent, and will again: parked where that is asked for. */
bool outcome_is_refusal(const struct outcome *o);

/* For Subscription.error and the log. */
void outcome_text(const struct outcome *o, char *out, size_t n);

#endif
