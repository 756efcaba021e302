#include "server/rest/topic_write.h"

#include "server/base/log.h"
#include "server/engine/topic_state.h"
#include "server/rest/exchange.h"
#include "server/rest/validation.h"

static void tell_warnings(const struct write *w, const struct command *c)
{
    const struct issues *warnings = c->topic ? topic_warnings(c->topic) : NULL;

    for (size_t i = 0; warnings && i < warnings->count; i++)
        log_event(LOG_WARN, "topic.left_out", "%s: %s: %s",
                  topic_owner(c->topic), warnings->items[i].expression,
                  warnings->items[i].message);
    if (c->topic)
        engine_tell_unindexed(w->rest->config.engine, c->topic);
}

enum err_code topic_write_read(struct write *w, struct bytes text,
                               struct err *e)
{
    struct command *c = w->command;
    const struct topic_state_source source = {c->type, c->id, text,
                                              w->rest->base_url};
    struct issues found;
    enum err_code code;

    if (!topic_state_carries(c->type))
        return ERR_OK;
    found.count = found.dropped = 0;
    code = topic_state_compile(&source, &c->topic, &found);
    if (code != ERR_OK)
        return validation_refuse(w, code, &found, "the topic is refused", e);
    tell_warnings(w, c);
    return ERR_OK;
}
