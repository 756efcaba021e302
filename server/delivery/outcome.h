/* outcome: how an attempt ended, what follows from it, and how it is told.
 * Owns:   nothing.
 * Thread: any; pure.
 * P6: the text holds no body, header, address or URL. */
#ifndef BELFRY_SERVER_DELIVERY_OUTCOME_H
#define BELFRY_SERVER_DELIVERY_OUTCOME_H

#include <stddef.h>
#include <stdint.h>

enum outcome_kind {
    OUTCOME_ANSWERED = 1, /* a complete status line and header came */
    OUTCOME_NAME,         /* the host name could not be resolved */
    OUTCOME_CONNECT,      /* refused or unreachable */
    OUTCOME_TIMEOUT,
    OUTCOME_CLOSED,      /* the connection ended before an answer */
    OUTCOME_TLS,         /* no TLS connection came about */
    OUTCOME_CERTIFICATE, /* the endpoint's certificate is not trusted */
    OUTCOME_FORBIDDEN,   /* the egress rules refuse the target */
    OUTCOME_GARBLED,     /* not HTTP, or past the bounds of an answer */
    OUTCOME_LOCAL        /* our own fault: memory, files, shutdown */
};

struct outcome {
    enum outcome_kind kind;
    int status;             /* HTTP, when answered */
    int64_t retry_after_ms; /* 0: none asked for */
};

enum verdict {
    VERDICT_SUCCESS = 1, /* any 2xx */
    VERDICT_RETRY,       /* failed, charged to the endpoint */
    VERDICT_OFF,         /* 410: the endpoint wants no more */
    VERDICT_UNCHARGED    /* not the endpoint's fault: soon again */
};

enum verdict outcome_verdict(const struct outcome *o);

/* For Subscription.error and the log. */
void outcome_text(const struct outcome *o, char *out, size_t n);

#endif
