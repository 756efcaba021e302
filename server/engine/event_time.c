#include "server/engine/event_time.h"

/* One event without its text. */
#define EVENT_ARENA_BYTES ((size_t)16 << 10)

/* The time of one event; ERR_NOT_FOUND when it is removed. */
static enum err_code event_time(struct engine *g, uint64_t subscription,
                                uint64_t number, int64_t *time_ms,
                                struct err *e)
{
    const struct event_query q = {
        .subscription = subscription, .first = number, .max_count = 1};
    struct event *events;
    struct arena arena;
    enum err_code code;
    size_t n;

    arena_init(&arena, EVENT_ARENA_BYTES);
    code = engine_events(g, &q, &arena, &events, &n, e);
    if (code == ERR_OK && n == 0)
        code = ERR_NOT_FOUND;
    if (code == ERR_OK)
        *time_ms = events[0].time_ms;
    arena_fini(&arena);
    return code;
}

/* Times of events ascend with their numbers, as far as the clock did. */
enum err_code engine_event_since(struct engine *g,
                                 const struct subscription_state *s,
                                 int64_t time_ms, uint64_t *number,
                                 struct err *e)
{
    uint64_t low = s->expired + 1, high = s->last_event + 1;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int64_t at = 0;
        enum err_code code = event_time(g, s->number, middle, &at, e);

        if (code != ERR_OK && code != ERR_NOT_FOUND)
            return code;
        if (code == ERR_OK && at >= time_ms)
            high = middle;
        else
            low = middle + 1;
    }
    *number = low;
    return ERR_OK;
}
