#include "server/delivery/metrics.h"

#include "server/delivery/delivery.h"

static void add(struct buf *out, const char *name, const char *type,
                uint64_t value)
{
    buf_add_format(out, "# TYPE belfry_%s %s\nbelfry_%s ", name, type, name);
    buf_add_u64(out, value);
    buf_add_char(out, '\n');
}

static void add_counter(struct buf *out, const char *name,
                        const _Atomic uint64_t *counter)
{
    add(out, name, "counter", counter_get(counter));
}

/* How attempts ended, by class; "none" is success. */
static void add_ends(const struct delivery_counters *c, struct buf *out)
{
    buf_add_text(out, "# TYPE belfry_delivery_attempts_ended_total counter\n");
    for (int i = FAILURE_NONE; i < FAILURE_CLASSES; i++) {
        const char *name =
            i == FAILURE_NONE ? "success" : failure_name((enum failure_class)i);

        buf_add_format(
            out, "belfry_delivery_attempts_ended_total{class=\"%s\"} ", name);
        buf_add_u64(out, counter_get(&c->ended[i]));
        buf_add_char(out, '\n');
    }
}

void delivery_metrics(const struct delivery *d, struct buf *out)
{
    const struct delivery_counters *c = delivery_counters(d);

    add_counter(out, "delivery_attempts_total", &c->attempts);
    add_ends(c, out);
    add_counter(out, "delivery_batches_acknowledged_total", &c->delivered);
    add_counter(out, "delivery_retries_total", &c->retried);
    add_counter(out, "delivery_batches_split_total", &c->split);
    add_counter(out, "delivery_dead_letters_total", &c->parked);
    add_counter(out, "delivery_subscriptions_failed_total", &c->failed);
    add_counter(out, "delivery_subscriptions_off_total", &c->off);
    add_counter(out, "delivery_breakers_opened_total", &c->opened);
    add_counter(out, "delivery_breakers_closed_total", &c->closed);
    add_counter(out, "delivery_hidden_reposts_total", &c->hidden_reposts);
    add_counter(out, "delivery_connections_total", &c->connections);
    add(out, "delivery_in_flight", "gauge", delivery_in_flight(d));
}
