/* transfer: one HTTP request of a rest-hook on a curl handle that is used
 * again and again: what is the same for all is set once.
 * Owns:   the handle and the body.
 * Thread: the delivery thread.
 * Errors: none but false for no memory; what happened on the wire is told by
 *         transfer_outcome(). */
#ifndef BELFRY_SERVER_DELIVERY_TRANSFER_H
#define BELFRY_SERVER_DELIVERY_TRANSFER_H

#include <curl/curl.h>

#include "server/delivery/message.h"
#include "server/delivery/outcome.h"
#include "server/delivery/prepared.h"
#include "server/delivery/resolver.h"

/* What all transfers of a rest_hook share. */
struct transfer_common {
    const struct egress_rules *egress;
    const char *ca_file;
    CURLSH *share; /* TLS sessions */
    struct signer *signer;
};

struct transfer {
    struct resolver_query query; /* first: found again from it */
    const struct transfer_common *common;
    void *owner;
    CURL *easy;
    struct attempt *attempt;
    struct prepared *prepared;
    struct message message;
    int64_t deadline_ms; /* monotonic */
    /* the lines that differ from attempt to attempt, then the prepared ones */
    struct curl_slist lines[3];
    char id_line[16 + SIGNATURE_ID_BYTES];
    char timestamp_line[48];
    char signature_line[24 + SIGNATURE_TEXT_BYTES];
    struct curl_slist *pinned; /* "host:port:address,..." for curl */
    size_t answer_bytes;
    size_t header_bytes;
    unsigned sends; /* times that curl was about to send the request */
    int status;     /* of the last status line */
    bool answered;  /* a final answer's header is complete */
    bool forbidden; /* an address was refused */
    bool too_large;
    bool no_socket;
    bool resent;
    bool running;           /* given to curl */
    struct outcome outcome; /* of one that ended before curl had it */
    struct transfer *next;
    struct transfer *prev;
};

struct transfer *transfer_new(const struct transfer_common *common);
void transfer_free(struct transfer *t);

/* Forgets the last attempt; the handle's connections stay with curl. */
void transfer_reset(struct transfer *t);

/* Addresses for the target's name, so that curl asks nobody. */
bool transfer_pin(struct transfer *t, const struct resolver_answer *a);

/* Signs as of wall_s and sets up the handle. fresh: on a new connection. */
bool transfer_set_up(struct transfer *t, int64_t wall_s, int64_t timeout_ms,
                     bool fresh);

/* What came of it. */
struct outcome transfer_outcome(const struct transfer *t, CURLcode code);

/* curl was about to send the body a second time on its own, because a reused
 * connection died, and was stopped. */
bool transfer_was_repeat(const struct transfer *t, CURLcode code);

#endif
