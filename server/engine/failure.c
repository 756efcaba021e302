#include "server/engine/failure.h"

#include <stddef.h>

struct named {
    const char *name;
    const char *code;
};

#define NO_RESPONSE "no-response"
#define ERROR_RESPONSE "error-response"

static const struct named classes[FAILURE_CLASSES] = {
    [FAILURE_NONE] = {"none", NULL},
    [FAILURE_NAME] = {"dns", "dns-resolution-error"},
    [FAILURE_CONNECT] = {"connect", NO_RESPONSE},
    [FAILURE_TIMEOUT] = {"timeout", NO_RESPONSE},
    [FAILURE_CLOSED] = {"closed", NO_RESPONSE},
    [FAILURE_TLS] = {"tls", NO_RESPONSE},
    [FAILURE_CERTIFICATE] = {"certificate", NO_RESPONSE},
    [FAILURE_FORBIDDEN] = {"forbidden_target", NULL},
    [FAILURE_GARBLED] = {"garbled", ERROR_RESPONSE},
    [FAILURE_LOCAL] = {"local", NULL},
    [FAILURE_REDIRECT] = {"redirect", ERROR_RESPONSE},
    [FAILURE_GONE] = {"gone", ERROR_RESPONSE},
    [FAILURE_AUTH] = {"auth", ERROR_RESPONSE},
    [FAILURE_NOT_FOUND] = {"not_found", ERROR_RESPONSE},
    [FAILURE_CONFIG] = {"config", ERROR_RESPONSE},
    [FAILURE_TOO_LARGE] = {"too_large", ERROR_RESPONSE},
    [FAILURE_REFUSED] = {"refused", ERROR_RESPONSE},
    [FAILURE_BUSY] = {"busy", ERROR_RESPONSE},
    [FAILURE_SERVER] = {"server", ERROR_RESPONSE},
    [FAILURE_UNREACHED] = {"unreached", NO_RESPONSE},
    [FAILURE_GATEWAY] = {"gateway", ERROR_RESPONSE},
};

const char *failure_name(enum failure_class c)
{
    return c < FAILURE_CLASSES ? classes[c].name : "unknown";
}

const char *failure_code(enum failure_class c)
{
    return c < FAILURE_CLASSES ? classes[c].code : NULL;
}
