#include "server/rest/subscription_find.h"

#include "fhir/model/types.h"
#include "server/rest/reply.h"

static enum err_code miss(struct exchange *x, struct err *e)
{
    const struct resource_query q = {x->route.type, x->route.id, 0};
    struct resource_version v = {0};
    enum err_code code =
        engine_read(x->rest->config.engine, &q, &x->scratch, &v, e);

    if (code == ERR_OK && v.deleted) {
        reply_version(x, v.version, v.time_ms);
        return err_set(e, ERR_GONE, "the Subscription was deleted");
    }
    if (code == ERR_OK || code == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "there is no such Subscription");
    return code;
}

enum err_code subscription_find(struct exchange *x,
                                struct subscription_state *out,
                                struct definition **definition, struct err *e)
{
    enum err_code code;

    if (!model_is_id(x->route.id))
        return err_set(e, ERR_NOT_FOUND, "there is no such Subscription");
    code = engine_subscription_by_id(x->rest->config.engine, x->route.id, out,
                                     definition, e);
    return code == ERR_NOT_FOUND ? miss(x, e) : code;
}
