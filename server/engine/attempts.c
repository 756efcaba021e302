#include "server/engine/attempts.h"

#include <stdio.h>

#include "server/engine/core.h"
#include "server/engine/record.h"
#include "server/security/egress.h"

#define HOST_PORT_BYTES (EGRESS_HOST_BYTES + 16)

void engine_note_attempt(struct engine *g, const struct attempt_note *n)
{
    attempt_log_add(g->attempts, n);
}

size_t engine_attempts(struct engine *g, const struct attempt_query *q,
                       struct attempt_note out[ATTEMPT_LOG_SHOWN])
{
    return attempt_log_find(g->attempts, q, out);
}

/* ---- where to ---- */

/* No more of it: a path may be a secret. */
static const char *host_of(const char *url, struct arena *arena)
{
    struct egress_target t;
    char text[HOST_PORT_BYTES];
    int n;

    if (!url || egress_parse_url(url, &t, NULL) != ERR_OK)
        return NULL;
    n = snprintf(text, sizeof text, strchr(t.host, ':') ? "[%s]:%u" : "%s:%u",
                 t.host, t.port);
    if (n < 0 || (size_t)n >= sizeof text)
        return NULL;
    return arena_copy(arena, bytes_make(text, (size_t)n)).p;
}

const char *engine_endpoint_of(struct engine *g, uint64_t definition,
                               struct arena *arena)
{
    struct store_txn *t = NULL;
    struct record_change c = {0};
    struct bytes record = {NULL, 0};
    const char *host = NULL;
    cJSON *json;
    enum err_code code = store_begin_read(g->state.store, &t, NULL);

    if (code == ERR_OK)
        code = store_log_get(t, definition, &record, NULL);
    if (code == ERR_OK)
        code = record_change_read(record, &c, NULL);
    json = code == ERR_OK ? cJSON_ParseWithLength(c.text.p, c.text.n) : NULL;
    store_abort(&t);
    if (json)
        host = host_of(
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
                cJSON_GetObjectItemCaseSensitive(json, "channel"), "endpoint")),
            arena);
    cJSON_Delete(json);
    return host;
}

/* ---- at start ---- */

static void take(void *ctx, const struct report *r)
{
    struct attempt_log *l = ctx;
    const struct report_attempt *a = &r->attempt;
    const struct attempt_note n = {.subscription = r->subscription,
                                   .definition = r->definition,
                                   .ended_ms = a->ended_ms,
                                   .next_ms = r->next_attempt_ms,
                                   .first = a->first,
                                   .chosen = a->chosen,
                                   .span = a->span,
                                   .duration_ms = a->duration_ms,
                                   .said = a->said,
                                   .type = a->first ? NOTIFY_EVENT
                                                    : NOTIFY_HANDSHAKE,
                                   .failure = (uint8_t)r->failure};

    if (a->made && r->failure != FAILURE_NONE)
        attempt_log_add(l, &n);
}

enum err_code attempts_load(struct engine *g, struct err *e)
{
    uint64_t last = g->state.published_change;
    uint64_t at = last > ATTEMPTS_LOOK_BACK ? last - ATTEMPTS_LOOK_BACK : 1;
    struct store_txn *t = NULL;
    enum err_code code = store_begin_read(g->state.store, &t, e);

    for (; code == ERR_OK && at <= last; at++) {
        struct bytes record;
        struct err damaged;

        if (store_log_get(t, at, &record, &damaged) != ERR_OK ||
            record_kind_of(record) != RECORD_REPORTS)
            continue; /* what is damaged is verify's to tell */
        (void)(record_reports_each(record, take, g->attempts, &damaged) ==
               ERR_OK);
    }
    store_abort(&t);
    return code;
}
