#include "fhir/topic/condition.h"

#include "fhir/topic/topic_node.h"

#define QUOTED_ARG(b) topic_quote_bytes(b), (b).p

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character at *at, decoded; *at moves behind it. */
static char decode_one(struct bytes text, size_t *at)
{
    char c = text.p[(*at)++];
    int high;
    int low;

    if (c != '%' || text.n - *at < 2)
        return c;
    high = hex_digit(text.p[*at]);
    low = hex_digit(text.p[*at + 1]);
    if (high < 0 || low < 0)
        return c;
    *at += 2;
    return (char)(high * 16 + low);
}

/* The parameter's code: the decoded name up to its ':'. */
static enum err_code read_code(struct bytes name,
                               char out[CONDITION_CODE_BYTES], struct err *e)
{
    size_t used = 0;
    char c;

    for (size_t at = 0; at < name.n;) {
        c = decode_one(name, &at);
        if (c == ':')
            break;
        if (c <= ' ' || c > '~' || used + 1 >= CONDITION_CODE_BYTES)
            return err_set(e, ERR_UNPROCESSABLE,
                           "'%.*s' is no search parameter", QUOTED_ARG(name));
        out[used++] = c;
    }
    out[used] = '\0';
    if (used == 0)
        return err_set(e, ERR_UNPROCESSABLE, "a condition has no name");
    return ERR_OK;
}

static enum err_code read_type(struct bytes name, const char **type,
                               struct err *e)
{
    *type = topic_type_find(name);
    if (!*type)
        return err_set(e, ERR_UNPROCESSABLE, "'%.*s' is no R4 resource type",
                       QUOTED_ARG(name));
    return ERR_OK;
}

static enum err_code read_condition(struct bytes text, const char *type,
                                    struct condition *out, struct err *e)
{
    struct bytes value;
    struct bytes name = bytes_split(text, '=', &value);
    size_t dot = bytes_find(name, '.');
    enum err_code rc;

    if (name.n == text.n)
        return err_set(e, ERR_UNPROCESSABLE,
                       "'%.*s' is not of the form parameter=value",
                       QUOTED_ARG(text));
    *out = (struct condition){.type = type, .text = text};
    if (!type && dot < name.n && name.p[0] >= 'A' && name.p[0] <= 'Z') {
        rc = read_type(bytes_make(name.p, dot), &out->type, e);
        if (rc != ERR_OK)
            return rc;
        name = bytes_from(name, dot + 1);
        out->text = bytes_from(text, dot + 1);
    }
    return read_code(name, out->code, e);
}

enum err_code condition_split(struct bytes text, struct condition *out,
                              size_t *count, struct err *e)
{
    size_t mark = bytes_find(text, '?');
    const char *type = NULL;
    struct bytes part;
    enum err_code rc = ERR_OK;

    *count = 0;
    if (text.n > QUERY_TEXT_MAX)
        return err_set(e, ERR_UNPROCESSABLE, "is longer than %d bytes",
                       QUERY_TEXT_MAX);
    if (mark < bytes_find(text, '=')) {
        rc = read_type(bytes_make(text.p, mark), &type, e);
        text = bytes_from(text, mark + 1);
    }
    if (rc == ERR_OK && text.n == 0)
        rc = err_set(e, ERR_UNPROCESSABLE, "has no condition");
    while (rc == ERR_OK && text.n > 0) {
        part = bytes_split(text, '&', &text);
        if (*count == QUERY_PREDICATES_MAX)
            return err_set(e, ERR_UNPROCESSABLE, "has more than %d conditions",
                           QUERY_PREDICATES_MAX);
        rc = read_condition(part, type, &out[(*count)++], e);
    }
    return rc;
}
