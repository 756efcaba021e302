#include "server/rest/subscription_write.h"

#include "fhir/subscription/redact.h"
#include "server/engine/read.h"
#include "server/rest/exchange.h"
#include "server/rest/shown.h"
#include "server/rest/validation.h"
#include "server/security/secret.h"

static enum err_code refuse(struct write *w, enum err_code code,
                            const struct issues *found, struct err *e)
{
    return validation_refuse(w, code, found, "the Subscription is refused", e);
}

enum err_code subscription_write_complete(struct write *w,
                                          struct bytes previous,
                                          struct bytes *out, struct err *e)
{
    char secret[SECRET_TEXT_BYTES];
    struct subscription_previous upon = {previous, secret};
    struct issues found;
    struct buf text;
    enum err_code code;

    found.count = found.dropped = 0;
    secret_generate(w->rest->config.rng, secret);
    buf_init(&text, w->rest->config.body_bytes + SHOWN_EXTRA_BYTES);
    code = subscription_complete(w->body, &upon, w->scratch, &text, &found);
    explicit_bzero(secret, sizeof secret);
    if (code == ERR_OK)
        code = buf_check(&text, e);
    else
        code = refuse(w, code, &found, e);
    if (code == ERR_OK) {
        *out = arena_copy(w->scratch, buf_bytes(&text));
        code = out->p ? ERR_OK : err_nomem(e);
    }
    buf_fini(&text);
    return code;
}

enum err_code subscription_write_read(struct write *w, const cJSON *resource,
                                      struct err *e)
{
    const struct rest_config *c = &w->rest->config;
    struct topic_set *topics = engine_topics(c->engine);
    struct subscription_rules rules = {.topics = topics,
                                       .base_url = w->rest->base_url,
                                       .now_ms = clock_wall_ms(c->clock),
                                       .endpoint = c->endpoint,
                                       .endpoint_ctx = c->endpoint_ctx};
    struct issues found;
    enum err_code code;

    found.count = found.dropped = 0;
    code =
        subscription_read(resource, &rules, &w->command->subscription, &found);
    topic_set_unref(topics);
    return code == ERR_OK ? ERR_OK : refuse(w, code, &found, e);
}

enum err_code subscription_write_show(const struct write *w,
                                      struct bytes stored, struct buf *out,
                                      struct err *e)
{
    const struct command *c = w->command;
    struct subscription_face face = {.status = shown_stored_status(stored),
                                     .sent = w->body,
                                     .fresh = c->kind == COMMAND_CREATE ||
                                              c->result.created};

    return subscription_show(stored, &face, w->scratch, out, e);
}
