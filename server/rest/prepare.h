/* prepare: one create, update or delete made into a command: the conditions on
 * the version it meets, what a Subscription needs besides, the text as it will
 * be stored, its search values. All that needs the CPU and not the state.
 * Owns:   a write owns the command that was made of it until it is taken.
 * Thread: the loop of the connection.
 * Errors: of the conditions and of the content; for a content with several
 *         problems write->issues has them all. */
#ifndef BELFRY_SERVER_REST_PREPARE_H
#define BELFRY_SERVER_REST_PREPARE_H

#include "fhir/outcome/issues.h"
#include "server/rest/conditional.h"
#include "server/rest/rest.h"

struct rest;

struct write {
    /* set by the caller */
    const struct rest *rest;
    enum command_kind kind;
    struct bytes type;
    struct bytes id;                  /* of a create: drawn here */
    struct bytes body;                /* gated, of the type; not for a delete */
    const struct json_tokens *tokens; /* of the body, or NULL */
    struct bytes if_match;            /* header or element; {NULL, 0} without */
    struct bytes if_none_match;       /* the same */
    struct arena *scratch;            /* outlives the write; issues are in it */
    /* NULL, or what kind and id come from; its condition becomes the
     * command's */
    struct conditional *conditional;

    /* set by prepare_write() */
    struct command *command;
    struct issues *issues;   /* NULL, or what is wrong with the content */
    struct issues *warnings; /* the command's: of lenient validation, or NULL */
};

/* Makes w->command, whose done() is the caller's to set; one that was made
 * before is freed. */
MUST_CHECK enum err_code prepare_write(struct write *w, struct err *e);

/* The stored text, once the engine filled in version and time. */
MUST_CHECK enum err_code prepare_stored(const struct command *c,
                                        struct buf *out, struct err *e);

#endif
