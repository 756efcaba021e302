/* command: one change that a client asks for, prepared so that applying it
 * needs only the state (P8): the time is stamped when the ledger orders it.
 * Owns:   its members, freed by command_free(); text and definition move into
 *         the engine when it is applied.
 * Thread: one owner at a time: preparer, ledger, preparer again in done(). */
#ifndef BELFRY_SERVER_ENGINE_COMMAND_H
#define BELFRY_SERVER_ENGINE_COMMAND_H

#include <cjson/cJSON.h>

#include "fhir/json/stored.h"
#include "fhir/subscription/subscription.h"
#include "server/engine/control.h"
#include "storage/base/arena.h"

struct condition;
struct index_change;

enum command_kind {
    COMMAND_CREATE = 1, /* POST: the id is new */
    COMMAND_UPDATE,     /* PUT: updates, or creates when there is none */
    COMMAND_DELETE,
    COMMAND_EVENT,  /* a business event about a resource: nothing changes */
    COMMAND_GROUP,  /* several: a transaction (all or none, P2) or a batch */
    COMMAND_CONTROL /* of the Subscription with the id */
};

struct command_result {
    enum err_code code;
    struct err err;
    uint64_t version;
    int64_t time_ms;
    bool created;  /* an update that created */
    bool existed;  /* a delete that deleted something */
    size_t events; /* that it caused */
    /* of a group that was refused: the part because of which */
    const struct command *culprit;
};

struct command {
    /* set by who prepares it */
    enum command_kind kind;
    struct bytes type;            /* arena */
    struct bytes id;              /* arena */
    struct stored_text text;      /* not for a delete */
    struct search_values *values; /* of the text; arena; not for a delete */
    /* If-Match: 0 none given. A mismatch is ERR_PRECONDITION. */
    uint64_t if_match;
    /* The preparer read this version (0: none, or it was deleted; UINT64_MAX:
     * did not look) and built the text upon it. A mismatch is ERR_STALE. */
    uint64_t prepared_upon;
    /* Of a conditional interaction; heap, or NULL. One that does not hold any
     * more is ERR_STALE. */
    struct condition *condition;
    struct subscription *subscription; /* when type is Subscription */
    /* COMMAND_EVENT: its code, and what it names besides its focus: a JSON
     * array of references (arena). topic is the one that it is reported on. */
    struct bytes event_system;
    struct bytes event_code;
    struct bytes event_context;
    struct topic *topic; /* a reference, when the resource is one */
    const struct index_change *index; /* arena; index_prepare() */
    /* Of a group, and all that it has: linked by next, applied in this order.
     * Of a transaction no two are of the same resource. */
    struct command *parts;
    bool each_alone;        /* a batch: a refused part refuses only itself */
    struct control control; /* COMMAND_CONTROL */
    struct arena arena;
    void (*done)(struct command *c); /* on the writer thread; must not block */
    void *ctx;                       /* done()'s own */

    /* set by the ledger */
    int64_t time_ms;
    struct command_result result;
    struct command *next;
};

/* An empty command with an arena of at most arena_bytes. NULL without
 * memory. */
struct command *command_new(size_t arena_bytes);
void command_free(struct command *c);

/* The memory that it holds, its parts' included. */
size_t command_bytes(const struct command *c);

#endif
