#include "fhir/search/order.h"

#include "fhir/search/fold.h"
#include "fhir/search/index_key.h"

static enum err_code refuse(struct bytes type, struct bytes code, struct err *e)
{
    size_t n = code.n < ORDER_VALUE_BYTES ? code.n : ORDER_VALUE_BYTES;

    for (size_t i = 0; i < n; i++)
        if (code.p[i] < 0x20 || code.p[i] > 0x7e)
            n = 0;
    return err_set(e, ERR_NOT_SUPPORTED,
                   "belfry cannot sort %.*s by '%.*s'; accepted in _sort are "
                   "at most %d search parameters that are no composites, each "
                   "with '-' in front for the opposite order",
                   BYTES_ARG(type), (int)n, code.p, ORDER_KEYS_MAX);
}

enum err_code order_read(struct bytes resource_type, struct bytes text,
                         struct order *out, struct err *e)
{
    *out = (struct order){.n = 0};
    do {
        struct bytes code = bytes_split(text, ',', &text);
        bool down = bytes_starts(code, "-");
        const struct search_parameter *p = search_parameter_find(
            resource_type, bytes_from(code, down ? 1 : 0));

        if (!p || p->type == SEARCH_COMPOSITE || out->n == ORDER_KEYS_MAX)
            return refuse(resource_type, code, e);
        out->parts[out->n++] = (struct order_part){p, down};
    } while (text.n > 0);
    return ERR_OK;
}

static void put_u64(char *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (char)(value >> (56 - 8 * i) & 0xff);
}

/* A value as bytes that compare in its order; zero behind it. */
static void put_value(const struct order_part *part,
                      const struct search_value *v, char out[ORDER_VALUE_BYTES])
{
    memset(out, 0, ORDER_VALUE_BYTES);
    switch (part->parameter->type) {
    case SEARCH_TOKEN:
        (void)fold_write(v->token.code.n > 0 ? v->token.code : v->token.text,
                         out, ORDER_VALUE_BYTES);
        break;
    case SEARCH_STRING:
    case SEARCH_URI:
        (void)fold_write(v->text, out, ORDER_VALUE_BYTES);
        break;
    case SEARCH_REFERENCE:
        (void)fold_write(v->reference.id, out, ORDER_VALUE_BYTES);
        break;
    case SEARCH_DATE:
        put_u64(out, index_order_time(part->down ? v->range.to_ms
                                                 : v->range.from_ms));
        break;
    case SEARCH_NUMBER:
    case SEARCH_QUANTITY:
        put_u64(out, index_order_number(part->down ? v->quantity.high
                                                   : v->quantity.low));
        break;
    case SEARCH_COMPOSITE:
        break;
    }
    if (part->down)
        for (size_t i = 0; i < ORDER_VALUE_BYTES; i++)
            out[i] = (char)~out[i];
}

struct bytes order_key(const struct order *o, const struct search_values *v,
                       char out[ORDER_BYTES_MAX])
{
    char *at = out;

    for (size_t i = 0; i < o->n; i++) {
        const struct order_part *part = &o->parts[i];
        const struct search_slot *slot =
            &v->slots[search_slot_index(v->base, part->parameter)];
        char value[ORDER_VALUE_BYTES];

        at[0] = slot->count > 0 ? 0 : 1;
        memset(at + 1, 0, ORDER_VALUE_BYTES);
        for (size_t k = 0; k < slot->count; k++) {
            put_value(part, &slot->values[k], value);
            if (k == 0 || memcmp(value, at + 1, sizeof value) < 0)
                memcpy(at + 1, value, sizeof value);
        }
        at += 1 + ORDER_VALUE_BYTES;
    }
    return bytes_make(out, (size_t)(at - out));
}

int64_t order_time(struct bytes key)
{
    uint64_t value = 0;
    int64_t time_ms;

    for (size_t i = 1; i < 9 && i < key.n; i++)
        value = value << 8 | (unsigned char)~key.p[i];
    time_ms = (int64_t)(value ^ (uint64_t)1 << 63);
    /* it is the end of the instant's millisecond */
    return time_ms == INT64_MIN ? time_ms : time_ms - 1;
}
