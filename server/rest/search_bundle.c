#include "server/rest/search_bundle.h"

#include "server/rest/search.h"
#include "server/rest/text.h"

void search_bundle_begin(struct search_bundle *b, const struct exchange *x)
{
    char uuid[RNG_UUID_BYTES], now[INSTANT_TEXT_BYTES];
    const struct rest_config *c = &x->rest->config;

    *b = (struct search_bundle){.x = x};
    buf_init(&b->out, SEARCH_BUNDLE_BYTES_MAX);
    rng_uuid(c->rng, uuid);
    instant_format(clock_wall_ms(c->clock), now);
    buf_add_text(&b->out, "{\"resourceType\":\"Bundle\",\"id\":\"");
    buf_add_text(&b->out, uuid);
    buf_add_text(&b->out, "\",\"type\":\"searchset\",\"timestamp\":\"");
    buf_add(&b->out, bytes_make(now, sizeof now));
    buf_add_char(&b->out, '"');
}

static void add_url(struct search_bundle *b, struct bytes page)
{
    const struct exchange *x = b->x;
    const char *separator = "?";

    buf_add(&b->out, x->rest->base_url);
    buf_add_char(&b->out, '/');
    buf_add(&b->out, x->route.type);
    for (size_t i = 0; i < x->params.n; i++) {
        const struct param *p = &x->params.items[i];

        if (page.n > 0 && bytes_is(p->name, "_page"))
            continue;
        buf_add_text(&b->out, separator);
        text_percent_encode(&b->out, p->name);
        buf_add_char(&b->out, '=');
        text_percent_encode(&b->out, p->value);
        separator = "&";
    }
    if (page.n > 0) {
        buf_add_text(&b->out, separator);
        buf_add_text(&b->out, "_page=");
        text_percent_encode(&b->out, page);
    }
}

bool search_bundle_has_room(const struct search_bundle *b, size_t count)
{
    return b->entries < count && b->out.n < SEARCH_PAGE_BYTES;
}

static void begin_entry(struct search_bundle *b, struct bytes type,
                        struct bytes id)
{
    buf_add_text(&b->out, b->entries ? "," : ",\"entry\":[");
    buf_add_text(&b->out, "{\"fullUrl\":\"");
    buf_add(&b->out, b->x->rest->base_url);
    buf_add_char(&b->out, '/');
    buf_add(&b->out, type);
    buf_add_char(&b->out, '/');
    buf_add(&b->out, id);
    buf_add_text(&b->out, "\",\"resource\":");
    b->entries++;
}

struct buf *search_bundle_begin_entry(struct search_bundle *b, struct bytes id)
{
    begin_entry(b, b->x->route.type, id);
    return &b->out;
}

void search_bundle_end_entry(struct search_bundle *b)
{
    buf_add_text(&b->out, ",\"search\":{\"mode\":\"match\"}}");
}

void search_bundle_add_included(struct search_bundle *b, struct bytes type,
                                struct bytes id, struct bytes text)
{
    begin_entry(b, type, id);
    buf_add(&b->out, text);
    buf_add_text(&b->out, ",\"search\":{\"mode\":\"include\"}}");
}

void search_bundle_end(struct search_bundle *b, struct bytes next)
{
    if (b->entries)
        buf_add_char(&b->out, ']');
    if (b->total_known) {
        buf_add_text(&b->out, ",\"total\":");
        buf_add_u64(&b->out, b->total);
    }
    buf_add_text(&b->out, ",\"link\":[{\"relation\":\"self\",\"url\":\"");
    add_url(b, bytes_make(NULL, 0));
    if (next.n > 0) {
        buf_add_text(&b->out, "\"},{\"relation\":\"next\",\"url\":\"");
        add_url(b, next);
    }
    buf_add_text(&b->out, "\"}]}");
}
