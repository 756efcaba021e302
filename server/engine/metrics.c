#include "server/engine/metrics.h"

#include "server/engine/core.h"

static void add(struct buf *out, const char *name, const char *type,
                uint64_t value)
{
    buf_add_format(out, "# TYPE %s %s\n%s ", name, type, name);
    buf_add_u64(out, value);
    buf_add_char(out, '\n');
}

void engine_metrics(struct engine *g, struct buf *out)
{
    uint64_t change, subscriptions;

    state_lock_to_read(&g->state);
    change = g->state.published_change;
    subscriptions = g->state.subs.count - g->state.subs.deleted;
    state_unlock(&g->state);
    add(out, "belfry_log_records_total", "counter", change);
    add(out, "belfry_subscriptions", "gauge", subscriptions);
    add(out, "belfry_commands_waiting", "gauge", ledger_waiting(&g->ledger));
    add(out, "belfry_writable", "gauge", engine_not_ready(g) ? 0 : 1);
}
