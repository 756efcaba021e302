/* bundle_run: a batch or transaction while it is answered.
 * Owns:   its arena, the links, and the groups before the last one; the
 *         commands are the groups' parts.
 * Thread: the loop of the connection. */
#ifndef BELFRY_SERVER_REST_BUNDLE_RUN_H
#define BELFRY_SERVER_REST_BUNDLE_RUN_H

#include "fhir/bundle/bundle.h"
#include "fhir/bundle/link.h"
#include "server/rest/exchange.h"
#include "server/rest/write.h"

struct bundle_item {
    const struct bundle_entry *entry;
    struct bytes id;    /* the entry's, or drawn for a create */
    struct bytes drawn; /* for what the entry may create */
    struct conditional conditional;
    struct command *command; /* borrowed of its group; NULL: none */
    bool settled;            /* of a batch: it is not prepared again */
    int status;              /* of a refused entry of a batch, else 0 */
    struct bytes outcome;    /* its OperationOutcome; arena */
};

struct bundle_run {
    struct arena arena;
    struct bundle bundle;
    struct link_table links;
    struct bundle_item *items; /* arena; as the bundle's entries */
    /* of a batch whose entries were tried again */
    struct command *earlier[WRITE_TRIES];
    size_t earlier_count;
};

/* An error of an entry: its expression leads through the bundle. */
enum err_code bundle_run_blame(struct err *e, const struct bundle_item *item);

/* The outcome of a refused entry of a batch; false without memory. */
MUST_CHECK bool bundle_run_refuse(struct bundle_run *run,
                                  struct bundle_item *item, const struct err *e,
                                  const struct issues *issues);

/* The response Bundle, once the engine is done. */
enum http_next bundle_run_answer(struct exchange *x);

#endif
