#include "server/delivery/outcome.h"

#include <stdio.h>

enum verdict outcome_verdict(const struct outcome *o)
{
    if (o->kind == OUTCOME_LOCAL)
        return VERDICT_UNCHARGED;
    if (o->kind != OUTCOME_ANSWERED)
        return VERDICT_RETRY;
    if (o->status >= 200 && o->status <= 299)
        return VERDICT_SUCCESS;
    if (o->status == 410)
        return VERDICT_OFF;
    return VERDICT_RETRY;
}

static const char *kind_text(enum outcome_kind kind)
{
    switch (kind) {
    case OUTCOME_ANSWERED:
        return "the endpoint answered";
    case OUTCOME_NAME:
        return "the endpoint's host name could not be resolved";
    case OUTCOME_CONNECT:
        return "no connection to the endpoint";
    case OUTCOME_TIMEOUT:
        return "no answer from the endpoint in time";
    case OUTCOME_CLOSED:
        return "the endpoint closed the connection without an answer";
    case OUTCOME_TLS:
        return "no TLS connection to the endpoint";
    case OUTCOME_CERTIFICATE:
        return "the endpoint's certificate is not trusted";
    case OUTCOME_FORBIDDEN:
        return "the endpoint is not an allowed target";
    case OUTCOME_GARBLED:
        return "the endpoint's answer could not be read";
    case OUTCOME_LOCAL:
        return "the server could not make the attempt";
    }
    return "unknown";
}

void outcome_text(const struct outcome *o, char *out, size_t n)
{
    int rc;

    if (o->kind == OUTCOME_ANSWERED)
        rc = snprintf(out, n, "the endpoint answered with HTTP status %d",
                      o->status);
    else
        rc = snprintf(out, n, "%s", kind_text(o->kind));
    if (rc < 0 && n > 0)
        out[0] = '\0';
}
