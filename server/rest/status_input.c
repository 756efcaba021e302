#include "server/rest/status_input.h"

#include "server/rest/operation.h"
#include "server/rest/text.h"

static const struct operation operation = {
    "$status", (const struct operation_parameter[]){
                   {"id", {"valueId", "valueString", "valueCode"}},
                   {"status", {"valueCode", "valueString", "valueId"}},
                   {NULL, {NULL}}}};

static enum err_code take_id(struct exchange *x, struct status_input *in,
                             struct bytes id, struct err *e)
{
    in->by_id = true;
    for (size_t i = 0; i < in->id_count; i++) {
        if (bytes_equal(in->ids[i], id))
            return ERR_OK;
    }
    if (in->id_count == STATUS_IDS_MAX)
        return err_set(e, ERR_INVALID, "more than %d ids", STATUS_IDS_MAX);
    if (!in->ids)
        in->ids = arena_calloc(&x->scratch, STATUS_IDS_MAX, sizeof *in->ids);
    id = arena_copy(&x->scratch, id);
    if (!in->ids || !id.p)
        return err_nomem(e);
    in->ids[in->id_count++] = id;
    return ERR_OK;
}

static enum err_code take_status(struct status_input *in, struct bytes code,
                                 struct err *e)
{
    char shown[TEXT_SHOW_BYTES];

    in->by_status = true;
    for (int s = STATUS_REQUESTED; s <= STATUS_OFF; s++) {
        const char *text =
            subscription_status_text((enum subscription_status)s);

        if (!bytes_is(code, text))
            continue;
        in->wanted[s] = true;
        return ERR_OK;
    }
    return err_set(e, ERR_INVALID, "\"%s\" is not a status of a Subscription",
                   text_show(code, shown));
}

static enum err_code take(struct exchange *x, struct status_input *in,
                          const struct param *p, struct err *e)
{
    struct bytes values = p->value;
    bool is_id = bytes_is(p->name, "id");
    enum err_code code = ERR_OK;

    while (code == ERR_OK && values.n) {
        struct bytes value = text_trim(bytes_split(values, ',', &values));

        if (value.n)
            code = is_id ? take_id(x, in, value, e) : take_status(in, value, e);
    }
    return code;
}

enum err_code status_input_read(struct exchange *x, struct status_input *out,
                                struct err *e)
{
    enum err_code code = operation_read(x, &operation, e);

    *out = (struct status_input){.ids = NULL};
    for (size_t i = 0; code == ERR_OK && i < x->params.n; i++) {
        if (!bytes_is(x->params.items[i].name, "_format"))
            code = take(x, out, &x->params.items[i], e);
    }
    return code;
}
