#include "server/rest/shown.h"

#include "fhir/json/span.h"
#include "fhir/subscription/redact.h"

enum err_code shown_subscription(struct bytes text,
                                 const struct subscription_state *s,
                                 struct arena *scratch, struct buf *out,
                                 struct err *e)
{
    struct subscription_face face = {.status = s->shown,
                                     .error = s->error[0] ? s->error : NULL};

    return subscription_show(text, &face, scratch, out, e);
}

/* What the writer stored; it stores only requested and off. */
enum subscription_status shown_stored_status(struct bytes text)
{
    struct json_item item;

    if (json_member(text, json_root(text), "status", &item) &&
        json_string_is(text, item.value, subscription_status_text(STATUS_OFF)))
        return STATUS_OFF;
    return STATUS_REQUESTED;
}

enum err_code shown_old_subscription(struct bytes text, struct arena *scratch,
                                     struct buf *out, struct err *e)
{
    struct subscription_face face = {.status = shown_stored_status(text)};

    return subscription_show(text, &face, scratch, out, e);
}
