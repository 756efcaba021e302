#include "fhir/search/show.h"

#include "storage/base/instant.h"

static void add_token(struct buf *out, struct bytes system, struct bytes code,
                      bool bar)
{
    buf_add(out, system);
    if (system.n || bar)
        buf_add_char(out, '|');
    buf_add(out, code);
}

static void add_reference(struct buf *out, const struct search_reference *r,
                          bool any_type)
{
    if (!any_type && r->type.n) {
        buf_add(out, r->type);
        buf_add_char(out, '/');
    }
    buf_add(out, r->id);
    if (r->version.n) {
        buf_add_char(out, '|');
        buf_add(out, r->version);
    }
}

static void add_instant(struct buf *out, int64_t time_ms)
{
    char text[INSTANT_TEXT_BYTES];

    if (time_ms == INT64_MIN || time_ms == INT64_MAX) {
        buf_add_text(out, "open");
        return;
    }
    instant_format(time_ms, text);
    buf_add(out, bytes_make(text, sizeof text));
}

static void add_range(struct buf *out, struct search_range r)
{
    buf_add_char(out, '[');
    add_instant(out, r.from_ms);
    buf_add_text(out, ", ");
    add_instant(out, r.to_ms);
    buf_add_char(out, ')');
}

static void add_quantity(struct buf *out, const struct search_quantity *q)
{
    buf_add_format(out, "%.12g to %.12g", q->low, q->high);
    if (q->code.n || q->unit.n) {
        buf_add_char(out, ' ');
        add_token(out, q->system, q->code.n ? q->code : q->unit, false);
    }
}

/* ---- what is looked for ---- */

static void add_wanted_number(struct buf *out, const struct predicate_number *n)
{
    buf_add_text(out, predicate_prefix_name(n->prefix));
    buf_add_format(out, "[%.12g, %.12g]", n->number.low, n->number.high);
    if (n->code.n) {
        buf_add_char(out, '|');
        add_token(out, n->system, n->code, true);
    }
}

static void add_wanted(struct buf *out, const struct predicate *p,
                       const struct predicate_value *v)
{
    if (p->how == HOW_TEXT) {
        buf_add(out, v->text);
        return;
    }
    if (p->how == HOW_IN) {
        buf_add_text(out, v->set->canonical);
        return;
    }
    if (p->how == HOW_IDENTIFIER) {
        add_token(out, v->token.system, v->token.code,
                  v->token.form == TOKEN_NO_SYSTEM);
        return;
    }
    switch (p->parameter->type) {
    case SEARCH_TOKEN:
        add_token(out, v->token.system, v->token.code,
                  v->token.form == TOKEN_NO_SYSTEM);
        if (v->token.value.n) {
            buf_add_char(out, '|');
            buf_add(out, v->token.value);
        }
        break;
    case SEARCH_REFERENCE:
        add_reference(out, &v->reference.to, v->reference.any_target);
        break;
    case SEARCH_DATE:
        buf_add_text(out, predicate_prefix_name(v->date.prefix));
        add_range(out, v->date.range);
        break;
    case SEARCH_STRING:
    case SEARCH_URI:
        buf_add(out, v->text);
        break;
    case SEARCH_NUMBER:
    case SEARCH_QUANTITY:
        add_wanted_number(out, &v->number);
        break;
    case SEARCH_COMPOSITE:
        buf_add_text(out, "(composite)");
        break;
    }
}

void show_predicate(struct buf *out, const struct predicate *p)
{
    buf_add_text(out, p->parameter->code);
    if (p->modifier[0])
        buf_add_format(out, ":%s", p->modifier);
    buf_add_char(out, '=');
    if (p->op == PREDICATE_MISSING)
        buf_add_text(out, p->missing ? "true" : "false");
    for (size_t i = 0; i < p->count && i < SHOW_VALUES_MAX; i++) {
        if (i)
            buf_add_char(out, ',');
        add_wanted(out, p, &p->values[i]);
    }
}

/* ---- what is found ---- */

static void add_found(struct buf *out, const struct predicate *p,
                      const struct search_value *v)
{
    switch (p->parameter->type) {
    case SEARCH_TOKEN:
        if (v->token.code.n || v->token.system.n)
            add_token(out, v->token.system, v->token.code, false);
        else
            buf_add(out, v->token.text);
        break;
    case SEARCH_REFERENCE:
        add_reference(out, &v->reference, false);
        break;
    case SEARCH_DATE:
        add_range(out, v->range);
        break;
    case SEARCH_STRING:
    case SEARCH_URI:
        buf_add(out, v->text);
        break;
    case SEARCH_NUMBER:
    case SEARCH_QUANTITY:
        add_quantity(out, &v->quantity);
        break;
    case SEARCH_COMPOSITE:
        buf_add_text(out, "(composite)");
        break;
    }
}

void show_found(struct buf *out, const struct predicate *p,
                const struct search_values *v)
{
    const struct search_slot *slot = &v->slots[p->slot];

    for (size_t i = 0; i < slot->count && i < SHOW_VALUES_MAX; i++) {
        if (i)
            buf_add_text(out, ", ");
        add_found(out, p, &slot->values[i]);
    }
    if (slot->count > SHOW_VALUES_MAX)
        buf_add_format(out, ", and %zu more", slot->count - SHOW_VALUES_MAX);
}
