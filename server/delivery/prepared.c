#include "server/delivery/prepared.h"

#include <stdlib.h>
#include <strings.h>

static void prepared_free(struct prepared *p)
{
    free(p->url);
    curl_slist_free_all(p->headers);
    signature_key_fini(&p->key);
    free(p);
}

void prepared_unref(struct prepared **p)
{
    struct prepared *gone = *p;

    *p = NULL;
    if (gone && --gone->users == 0)
        prepared_free(gone);
}

void prepared_cache_fini(struct prepared_cache *c)
{
    for (size_t i = 0; i < DELIVERY_PREPARED; i++)
        prepared_unref(&c->slots[i]);
}

static bool add_line(struct prepared *p, const char *line)
{
    struct curl_slist *list = curl_slist_append(p->headers, line);

    if (!list)
        return false;
    p->headers = list;
    return true;
}

/* What frames the message or is said by belfry itself. Subscriptions that ask
 * for these are refused when they are stored; this is the second lock. */
static bool is_reserved(struct bytes name)
{
    static const char *const reserved[] = {
        "host",       "content-length",    "content-type", "connection",
        "expect",     "transfer-encoding", "upgrade",      "te",
        "trailer",    "keep-alive",        "webhook-id",   "webhook-timestamp",
        "user-agent", "webhook-signature"};

    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strlen(reserved[i]) == name.n &&
            strncasecmp(reserved[i], name.p, name.n) == 0)
            return true;
    }
    return false;
}

static bool is_blank(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != ' ' && text.p[i] != '\t')
            return false;
    }
    return true;
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' && *text != '\t')
            return true;
    }
    return false;
}

/* curl takes "Name:" for "leave Name out", and "Name;" for an empty one. */
static bool add_empty(struct prepared *p, struct bytes name)
{
    char *line = malloc(name.n + 2);
    bool ok;

    if (!line)
        return false;
    memcpy(line, name.p, name.n);
    line[name.n] = ';';
    line[name.n + 1] = '\0';
    ok = add_line(p, line);
    free(line);
    return ok;
}

static bool add_custom(struct prepared *p, const char *header)
{
    struct bytes value;
    struct bytes name = bytes_split(bytes_of(header), ':', &value);

    if (name.n == strlen(header) || name.n == 0 || is_reserved(name) ||
        has_control(header))
        return true;
    return is_blank(value) ? add_empty(p, name) : add_line(p, header);
}

static bool add_headers(struct prepared *p, const struct subscription *d)
{
    char *line = NULL;
    bool ok;

    /* "Content-Type:" alone leaves it out: there is nothing to describe */
    if (asprintf(&line, "Content-Type:%s%s", d->mime_type ? " " : "",
                 d->mime_type ? d->mime_type : "") < 0)
        return false;
    /* without it, large bodies wait a second for "100 Continue" */
    ok = !has_control(line) && add_line(p, line) && add_line(p, "Expect:");
    free(line);
    for (size_t i = 0; ok && i < d->header_count; i++)
        ok = add_custom(p, d->headers[i]);
    return ok;
}

static enum err_code fill(struct prepared *p, const struct subscription *d,
                          struct err *e)
{
    enum err_code code = egress_parse_url(d->endpoint, &p->target, e);

    if (code != ERR_OK)
        return code;
    if (d->secret) {
        code = signature_key_parse(bytes_of(d->secret), &p->key, e);
        p->is_signed = code == ERR_OK;
    }
    if (code != ERR_OK)
        return code;
    p->url = strdup(d->endpoint);
    if (!p->url || !add_headers(p, d))
        return err_nomem(e);
    return ERR_OK;
}

enum err_code prepared_get(struct prepared_cache *c, struct prepared_key key,
                           const struct subscription *definition,
                           struct prepared **out, struct err *e)
{
    struct prepared **slot = &c->slots[key.subscription % DELIVERY_PREPARED];
    struct prepared *p = *slot;
    enum err_code code;

    *out = NULL;
    if (!p || p->subscription != key.subscription ||
        p->definition != key.definition) {
        p = calloc(1, sizeof *p);
        if (!p)
            return err_nomem(e);
        code = fill(p, definition, e);
        if (code != ERR_OK) {
            prepared_free(p);
            return code;
        }
        p->subscription = key.subscription;
        p->definition = key.definition;
        p->users = 1;
        prepared_unref(slot);
        *slot = p;
    }
    p->users++;
    *out = p;
    return ERR_OK;
}
