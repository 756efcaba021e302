#include "server/rest/attempts_view.h"

#define PARTS_MAX 9

struct view {
    struct engine *engine;
    struct arena *arena;
    uint64_t definition; /* of the endpoint below */
    const char *endpoint;
};

static const char *type_of(const struct attempt_note *n)
{
    if (n->type == NOTIFY_HANDSHAKE)
        return "handshake";
    return n->type == NOTIFY_HEARTBEAT ? "heartbeat" : "event-notification";
}

static int64_t count_of(const struct attempt_note *n)
{
    int64_t chosen = 0;

    if (n->chosen == 0 || n->span >= 64)
        return (int64_t)n->span + 1;
    for (uint64_t bits = n->chosen; bits; bits &= bits - 1)
        chosen++;
    return chosen;
}

/* Neighbours nearly always have the same one. */
static const char *endpoint_of(struct view *v, uint64_t definition)
{
    if (v->definition != definition) {
        v->definition = definition;
        v->endpoint = engine_endpoint_of(v->engine, definition, v->arena);
    }
    return v->endpoint;
}

/* Those that say something. */
static bool fill(struct view *v, const struct attempt_note *n,
                 struct notification_fact *out)
{
    const char *endpoint = endpoint_of(v, n->definition);
    bool failed = n->failure != FAILURE_NONE;
    const struct notification_fact all[PARTS_MAX] = {
        {"time", NOTIFICATION_INSTANT, NULL, n->ended_ms, NULL},
        {"type", NOTIFICATION_TEXT, type_of(n), 1, NULL},
        {"first-event", NOTIFICATION_COUNT, NULL, (int64_t)n->first, NULL},
        {"last-event", NOTIFICATION_COUNT, NULL,
         n->first ? (int64_t)(n->first + n->span) : 0, NULL},
        {"events", NOTIFICATION_COUNT, NULL, n->first ? count_of(n) : 0, NULL},
        {"outcome", NOTIFICATION_TEXT,
         failed ? failure_name((enum failure_class)n->failure) : "success", 1,
         NULL},
        {"http-status", NOTIFICATION_COUNT, NULL, n->said, NULL},
        {"endpoint", NOTIFICATION_TEXT, endpoint, endpoint != NULL, NULL},
        {"next-attempt", NOTIFICATION_INSTANT, NULL, n->next_ms, NULL}};
    struct notification_fact *parts =
        arena_calloc(v->arena, PARTS_MAX + 1, sizeof *parts);
    size_t count = 0;

    if (!parts)
        return false;
    for (size_t i = 0; i < PARTS_MAX; i++)
        if (all[i].number != 0)
            parts[count++] = all[i];
    parts[count++] = (struct notification_fact){
        "duration-ms", NOTIFICATION_COUNT, NULL, (int64_t)n->duration_ms, NULL};
    *out = (struct notification_fact){"delivery-attempt", NOTIFICATION_GROUP,
                                      NULL, (int64_t)count, parts};
    return true;
}

struct notification_fact *attempts_view(struct engine *g,
                                        const struct attempt_query *q,
                                        struct arena *arena, size_t *n)
{
    struct attempt_note notes[ATTEMPT_LOG_SHOWN];
    struct view v = {g, arena, 0, NULL};
    struct notification_fact *out =
        arena_calloc(arena, ATTEMPT_LOG_SHOWN + 1, sizeof *out);

    *n = 0;
    if (!out)
        return NULL;
    *n = engine_attempts(g, q, notes);
    for (size_t i = 0; i < *n; i++)
        if (!fill(&v, &notes[i], &out[i]))
            return NULL;
    return out;
}
