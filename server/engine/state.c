#include "server/engine/state.h"

#include "server/engine/record.h"

#include <assert.h>
#include <stdlib.h>

void state_lock_to_read(struct state *s)
{
    int rc = pthread_rwlock_rdlock(&s->lock);

    assert(rc == 0);
    (void)rc;
}

void state_lock_to_write(struct state *s)
{
    int rc = pthread_rwlock_wrlock(&s->lock);

    assert(rc == 0);
    (void)rc;
}

void state_unlock(struct state *s)
{
    int rc = pthread_rwlock_unlock(&s->lock);

    assert(rc == 0);
    (void)rc;
}

static struct bytes resource_key(struct bytes type, struct bytes id, char *out)
{
    memcpy(out, type.p, type.n);
    out[type.n] = '/';
    memcpy(out + type.n + 1, id.p, id.n);
    return bytes_make(out, type.n + 1 + id.n);
}

struct bytes state_current_key(struct bytes type, struct bytes id,
                               char out[STATE_KEY_BYTES])
{
    return resource_key(type, id, out);
}

struct bytes state_history_key(struct bytes type, struct bytes id,
                               uint64_t version, char out[STATE_KEY_BYTES])
{
    struct bytes key = resource_key(type, id, out);

    out[key.n] = '\0';
    store_put_u64(out + key.n + 1, version);
    return bytes_make(out, key.n + 9);
}

struct bytes state_queue_key(uint64_t subscription, uint64_t event,
                             char out[STATE_KEY_BYTES])
{
    store_put_u64(out, subscription);
    store_put_u64(out + 8, event);
    return bytes_make(out, 16);
}

struct bytes state_subscription_key(uint64_t subscription,
                                    char out[STATE_KEY_BYTES])
{
    store_put_u64(out, subscription);
    return bytes_make(out, 8);
}

struct bytes state_parked_key(uint64_t subscription, uint64_t letter,
                              char out[STATE_KEY_BYTES])
{
    return state_queue_key(subscription, letter, out);
}

struct bytes state_endpoint_key(uint64_t hash, char out[STATE_KEY_BYTES])
{
    return state_subscription_key(hash, out);
}

struct bytes state_current_value(const struct current *c,
                                 char out[STATE_CURRENT_BYTES])
{
    store_put_u64(out, c->change);
    store_put_u64(out + 8, c->version);
    out[16] = c->deleted ? 1 : 0;
    return bytes_make(out, STATE_CURRENT_BYTES);
}

enum err_code state_current_decode(struct bytes value, struct current *out,
                                   struct err *e)
{
    if (value.n != STATE_CURRENT_BYTES)
        return err_set(e, ERR_FORMAT,
                       "an entry of the view current is damaged");
    out->change = store_get_u64(value.p);
    out->version = store_get_u64(value.p + 8);
    out->deleted = value.p[16] != 0;
    return ERR_OK;
}

struct bytes state_queued_value(const struct queued *q,
                                char out[STATE_QUEUED_BYTES])
{
    store_put_u64(out, q->change);
    memcpy(out + 8, q->chain.p, CHAIN_BYTES);
    return bytes_make(out, STATE_QUEUED_BYTES);
}

enum err_code state_queued_decode(struct bytes value, struct queued *out,
                                  struct err *e)
{
    if (value.n != STATE_QUEUED_BYTES)
        return err_set(e, ERR_FORMAT, "an entry of the view queue is damaged");
    out->change = store_get_u64(value.p);
    memcpy(out->chain.p, value.p + 8, CHAIN_BYTES);
    return ERR_OK;
}

enum err_code state_view_get(const struct state *s, struct store_txn *t,
                             enum store_view view, struct bytes key,
                             struct bytes *out, struct err *e)
{
    const struct overlay_entry *entry = overlay_get(&s->young, view, key);

    if (!entry)
        entry = overlay_get(&s->old, view, key);
    if (!entry)
        return store_view_get(t, view, key, out, e);
    *out = entry->value;
    return ERR_OK;
}

enum err_code state_definition_read(const struct state *s,
                                    const struct topic_set *topics,
                                    struct bytes text, struct definition **out,
                                    struct err *reason)
{
    struct subscription_rules rules = {.topics = topics,
                                       .base_url = s->base_url};
    struct issues *issues = calloc(1, sizeof *issues);
    cJSON *json = cJSON_ParseWithLength(text.p, text.n);
    struct subscription *subscription = NULL;
    enum err_code code = ERR_NOMEM;

    *out = NULL;
    if (issues && json) {
        code = subscription_read(json, &rules, &subscription, issues);
        if (code != ERR_OK && issues->count > 0)
            *reason = issues->items[0];
    }
    if (code == ERR_OK) {
        *out = definition_new(&subscription);
        code = *out ? ERR_OK : ERR_NOMEM;
    }
    if (code == ERR_NOMEM)
        err_nomem(reason);
    cJSON_Delete(json);
    free(issues);
    return code == ERR_NOMEM ? ERR_NOMEM : ERR_OK;
}

enum err_code state_change_since(const struct state *s, struct store_txn *t,
                                 int64_t time_ms, uint64_t *out, struct err *e)
{
    uint64_t low = 1, high = s->published_change + 1;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct bytes record;
        enum err_code code = store_log_get(t, middle, &record, e);

        if (code != ERR_OK && code != ERR_NOT_FOUND)
            return code;
        if (code == ERR_OK && record_time(record) >= time_ms)
            high = middle;
        else
            low = middle + 1;
    }
    *out = low;
    return ERR_OK;
}
