#include "server/rest/body.h"

#include "fhir/json/gate.h"

enum err_code body_check(struct exchange *x, struct err *e)
{
    struct bytes body = x->request->body;
    enum err_code code;

    if (body.n == 0)
        return err_set(e, ERR_INVALID, "the request has no body");
    if (body.n > x->rest->config.body_bytes)
        return err_set(e, ERR_TOO_LARGE, "a body has at most %zu bytes",
                       x->rest->config.body_bytes);
    code = negotiate_body(exchange_header(x, "Content-Type"), e);
    return code == ERR_OK ? json_gate_read(body, &x->tokens, e) : code;
}
