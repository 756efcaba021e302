#include "server/rest/precondition.h"

#include <time.h>

#include "server/rest/text.h"

#define HTTP_DATE_BYTES_MAX 40

/* RFC 9110, 8.8.3: [W/]"..." */
static bool read_tag(struct bytes item, struct bytes *opaque)
{
    if (bytes_starts(item, "W/"))
        item = bytes_from(item, 2);
    if (item.n < 2 || item.p[0] != '"' || item.p[item.n - 1] != '"')
        return false;
    *opaque = text_unquote(item);
    return bytes_find(*opaque, '"') == opaque->n;
}

static enum err_code add_tag(struct etags *t, struct bytes item, struct err *e)
{
    struct bytes opaque;
    uint64_t version;

    if (!read_tag(item, &opaque))
        return err_set(e, ERR_INVALID,
                       "a precondition must be an ETag as belfry gives it, "
                       "for instance W/\"3\"");
    if (t->count + t->foreign == ETAGS_MAX)
        return err_set(e, ERR_INVALID, "more than %d entity tags", ETAGS_MAX);
    if (bytes_to_u64(opaque, &version) && version > 0)
        t->versions[t->count++] = version;
    else
        t->foreign++;
    return ERR_OK;
}

enum err_code etags_read(struct bytes header, struct etags *out, struct err *e)
{
    struct bytes item;
    enum err_code code;

    *out = (struct etags){.given = header.p != NULL};
    if (!out->given)
        return ERR_OK;
    out->any = bytes_is(text_trim(header), "*");
    if (out->any)
        return ERR_OK;
    while (text_list_next(&header, ',', &item)) {
        code = add_tag(out, item, e);
        if (code != ERR_OK)
            return code;
    }
    if (out->count + out->foreign == 0)
        return err_set(e, ERR_INVALID, "an empty precondition");
    return ERR_OK;
}

bool etags_match(const struct etags *t, uint64_t version)
{
    if (!t->given || version == 0)
        return false;
    for (size_t i = 0; i < t->count; i++) {
        if (t->versions[i] == version)
            return true;
    }
    return t->any;
}

static bool read_http_date(struct bytes text, int64_t *seconds)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT",
                                        "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %d %H:%M:%S %Y"};
    char copy[HTTP_DATE_BYTES_MAX];

    text = text_trim(text);
    if (text.n == 0 || text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm when = {0};
        const char *end = strptime(copy, forms[i], &when);

        if (!end || *end)
            continue;
        *seconds = (int64_t)timegm(&when);
        return true;
    }
    return false;
}

bool precondition_unmodified(struct bytes if_modified_since, int64_t time_ms)
{
    int64_t seconds;

    return read_http_date(if_modified_since, &seconds) &&
           time_ms / 1000 <= seconds;
}
