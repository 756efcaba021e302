#include "server/rest/search.h"

#include "server/rest/reply.h"
#include "server/rest/resource_search.h"
#include "server/rest/topic_view.h"

static enum http_next run(struct exchange *x)
{
    return topic_view_is_search(x) ? topic_view_search(x) : resource_search(x);
}

enum http_next search_get(struct exchange *x)
{
    return run(x);
}

enum http_next search_post(struct exchange *x)
{
    struct bytes body = x->request->body;
    struct err e;
    enum err_code code = ERR_OK;

    if (body.n)
        code = negotiate_form(exchange_header(x, "Content-Type"), &e);
    if (code == ERR_OK)
        code = params_add(&x->params, body, x->request->arena, &e);
    return code == ERR_OK ? run(x) : reply_error(x, &e);
}
