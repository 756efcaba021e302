#include "server/delivery/outcome.h"

#include <stdio.h>

struct trait {
    const char *text; /* where no answer came, or after what was said */
    enum verdict verdict;
    enum endpoint_sign sign;
    bool refusal;
};

static const struct trait traits[FAILURE_CLASSES] = {
    [FAILURE_NONE] = {"success", VERDICT_SUCCESS, SIGN_ALIVE, false},
    [FAILURE_NAME] = {"the endpoint's host name could not be resolved",
                      VERDICT_RETRY, SIGN_FAILING, false},
    [FAILURE_CONNECT] = {"no connection to the endpoint", VERDICT_RETRY,
                         SIGN_FAILING, false},
    [FAILURE_TIMEOUT] = {"no answer from the endpoint in time", VERDICT_RETRY,
                         SIGN_OVERLOADED, false},
    [FAILURE_CLOSED] = {"the endpoint closed the connection without an answer",
                        VERDICT_RETRY, SIGN_FAILING, false},
    [FAILURE_TLS] = {"no TLS connection to the endpoint", VERDICT_RETRY,
                     SIGN_FAILING, false},
    [FAILURE_CERTIFICATE] = {"the endpoint's certificate is not trusted",
                             VERDICT_RETRY, SIGN_FAILING, false},
    [FAILURE_FORBIDDEN] = {"the endpoint is not an allowed target",
                           VERDICT_HALT, SIGN_NONE, false},
    [FAILURE_GARBLED] = {"the endpoint's answer could not be read",
                         VERDICT_RETRY, SIGN_FAILING, false},
    [FAILURE_LOCAL] = {"the server could not make the attempt",
                       VERDICT_UNCHARGED, SIGN_NONE, false},
    [FAILURE_REDIRECT] = {"redirects are not followed", VERDICT_RETRY,
                          SIGN_ALIVE, false},
    [FAILURE_GONE] = {"it wants no more notifications", VERDICT_OFF, SIGN_ALIVE,
                      false},
    [FAILURE_AUTH] = {"it refuses the credentials in channel.header",
                      VERDICT_RETRY, SIGN_ALIVE, true},
    [FAILURE_NOT_FOUND] = {"there is nothing at channel.endpoint",
                           VERDICT_RETRY, SIGN_ALIVE, true},
    [FAILURE_CONFIG] = {"it does not take notifications of this form",
                        VERDICT_RETRY, SIGN_ALIVE, true},
    [FAILURE_TOO_LARGE] = {"the notification is too large for it",
                           VERDICT_SPLIT, SIGN_ALIVE, true},
    [FAILURE_REFUSED] = {"it refuses the notification", VERDICT_RETRY,
                         SIGN_ALIVE, true},
    [FAILURE_BUSY] = {"it asks for fewer requests", VERDICT_RETRY,
                      SIGN_OVERLOADED, false},
    [FAILURE_SERVER] = {"it failed", VERDICT_RETRY, SIGN_FAILING, false},
    [FAILURE_UNREACHED] = {"the endpoint failed for as long as events are "
                           "retried",
                           VERDICT_RETRY, SIGN_NONE, false},
    [FAILURE_GATEWAY] = {"a gateway before it got no answer", VERDICT_RETRY,
                         SIGN_OVERLOADED, false},
};

static const struct trait *trait_of(const struct outcome *o)
{
    return &traits[o->failure < FAILURE_CLASSES ? o->failure : FAILURE_LOCAL];
}

enum verdict outcome_verdict(const struct outcome *o)
{
    return trait_of(o)->verdict;
}

enum endpoint_sign outcome_sign(const struct outcome *o)
{
    return trait_of(o)->sign;
}

bool outcome_is_refusal(const struct outcome *o)
{
    return trait_of(o)->refusal;
}

void outcome_text(const struct outcome *o, char *out, size_t n)
{
    const char *text = trait_of(o)->text;
    int rc;

    if (o->said[0])
        rc = snprintf(out, n, "the endpoint answered with %s: %s", o->said,
                      text);
    else
        rc = snprintf(out, n, "%s", text);
    if (rc < 0 && n > 0)
        out[0] = '\0';
}
