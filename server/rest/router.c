#include "server/rest/router.h"

#include "fhir/model/types.h"
#include "server/rest/text.h"

#define SEGMENTS_MAX 5
#define METHODS_MAX 5

/* Segments that take a value; the rest of a pattern is literal. */
#define TYPE "{type}"
#define ID "{id}"
#define VERSION "{version}"
#define OPERATION "{operation}" /* begins with '$' */
#define ANY "{any}"

struct method {
    const char *name;
    enum route_kind kind;
};

/* The first row whose pattern fits decides. A row with a refusal answers every
 * method with it. */
struct row {
    const char *parts[SEGMENTS_MAX];
    struct method methods[METHODS_MAX];
    const char *allow;
    const char *refusal;
};

#define READ_ONLY(kind) {{"GET", kind}, {"HEAD", kind}}, "GET, HEAD", NULL
#define REFUSED(text) {{NULL, ROUTE_NONE}}, NULL, text

static const char no_history[] =
    "the history interaction is not supported; single versions are read at "
    "[type]/[id]/_history/[version]";
static const char no_operation[] = "the operation is not supported";
static const char no_websocket[] =
    "the websocket channel is not supported, so there are no binding tokens";

static const struct row rows[] = {
    {{"health"}, READ_ONLY(ROUTE_HEALTH)},
    {{"health", "live"}, READ_ONLY(ROUTE_LIVE)},
    {{"metrics"}, READ_ONLY(ROUTE_METRICS)},
    {{"fhir", "metadata"}, READ_ONLY(ROUTE_METADATA)},
    {{"fhir", "_history"}, REFUSED(no_history)},
    {{"fhir", "_search"}, REFUSED("search across types is not supported")},
    {{"fhir", OPERATION}, REFUSED(no_operation)},
    {{"fhir", "Subscription", "$status"},
     {{"GET", ROUTE_STATUS_TYPE},
      {"HEAD", ROUTE_STATUS_TYPE},
      {"POST", ROUTE_STATUS_TYPE}},
     "GET, HEAD, POST",
     NULL},
    {{"fhir", "Subscription", ID, "$status"},
     {{"GET", ROUTE_STATUS_INSTANCE},
      {"HEAD", ROUTE_STATUS_INSTANCE},
      {"POST", ROUTE_STATUS_INSTANCE}},
     "GET, HEAD, POST",
     NULL},
    {{"fhir", TYPE, ID, "$event"}, {{"POST", ROUTE_TOPIC_EVENT}}, "POST", NULL},
    {{"fhir", "Subscription", ID, "$explain"},
     {{"GET", ROUTE_EXPLAIN}, {"HEAD", ROUTE_EXPLAIN}, {"POST", ROUTE_EXPLAIN}},
     "GET, HEAD, POST",
     NULL},
    {{"fhir", "Subscription", ID, "$events"},
     {{"GET", ROUTE_EVENTS}, {"HEAD", ROUTE_EVENTS}, {"POST", ROUTE_EVENTS}},
     "GET, HEAD, POST",
     NULL},
    {{"fhir", "Subscription", ID, "$resend"},
     {{"GET", ROUTE_RESEND}, {"POST", ROUTE_RESEND}},
     "GET, POST",
     NULL},
    {{"fhir", "Subscription", ID, "$dead-letters"},
     {{"GET", ROUTE_LETTERS}, {"HEAD", ROUTE_LETTERS}, {"POST", ROUTE_LETTERS}},
     "GET, HEAD, POST",
     NULL},
    {{"fhir", "Subscription", ID, "$pause"},
     {{"POST", ROUTE_PAUSE}},
     "POST",
     NULL},
    {{"fhir", "Subscription", ID, "$resume"},
     {{"POST", ROUTE_RESUME}},
     "POST",
     NULL},
    {{"fhir", "Subscription", ID, "$redeliver"},
     {{"POST", ROUTE_REDELIVER}},
     "POST",
     NULL},
    {{"fhir", "Subscription", ID, "$discard"},
     {{"POST", ROUTE_DISCARD}},
     "POST",
     NULL},
    {{"fhir", "Subscription", "$get-ws-binding-token"}, REFUSED(no_websocket)},
    {{"fhir", "Subscription", ID, "$get-ws-binding-token"},
     REFUSED(no_websocket)},
    {{"fhir", TYPE},
     {{"GET", ROUTE_SEARCH},
      {"HEAD", ROUTE_SEARCH},
      {"POST", ROUTE_CREATE},
      {"PUT", ROUTE_UPDATE_FOUND},
      {"DELETE", ROUTE_DELETE_FOUND}},
     "GET, HEAD, POST, PUT, DELETE",
     NULL},
    {{"fhir", TYPE, "_search"}, {{"POST", ROUTE_SEARCH_FORM}}, "POST", NULL},
    {{"fhir", TYPE, "_history"}, REFUSED(no_history)},
    {{"fhir", TYPE, "$validate"}, {{"POST", ROUTE_VALIDATE}}, "POST", NULL},
    {{"fhir", TYPE, OPERATION}, REFUSED(no_operation)},
    {{"fhir", TYPE, ID},
     {{"GET", ROUTE_READ},
      {"HEAD", ROUTE_READ},
      {"PUT", ROUTE_UPDATE},
      {"DELETE", ROUTE_DELETE}},
     "GET, HEAD, PUT, DELETE",
     NULL},
    {{"fhir", TYPE, ID, "_history"}, REFUSED(no_history)},
    {{"fhir", TYPE, ID, "_history", VERSION}, READ_ONLY(ROUTE_VREAD)},
    {{"fhir", TYPE, ID, "$validate"}, {{"POST", ROUTE_VALIDATE}}, "POST", NULL},
    {{"fhir", TYPE, ID, OPERATION}, REFUSED(no_operation)},
    {{"fhir", TYPE, ID, ANY},
     REFUSED("search within a compartment is not supported")},
};

#define ROWS (sizeof rows / sizeof rows[0])

struct path {
    struct bytes parts[SEGMENTS_MAX];
    size_t n;
};

/* Splits and decodes. One slash at the end is forgiven; a path of too many
 * segments is cut, which no pattern fits. */
static enum err_code split_path(struct bytes text, struct arena *arena,
                                struct path *out, bool *too_long, struct err *e)
{
    enum err_code code;

    *out = (struct path){.n = 0};
    *too_long = false;
    if (text.n && text.p[0] == '/')
        text = bytes_from(text, 1);
    if (text.n && text.p[text.n - 1] == '/')
        text.n--;
    while (text.n) {
        struct bytes part = bytes_split(text, '/', &text);

        if (out->n == SEGMENTS_MAX) {
            *too_long = true;
            return ERR_OK;
        }
        code = text_percent_decode(part, false, arena, &out->parts[out->n], e);
        if (code != ERR_OK)
            return code;
        out->n++;
    }
    return ERR_OK;
}

static bool part_fits(const char *pattern, struct bytes part)
{
    if (pattern[0] != '{')
        return bytes_is(part, pattern);
    if (!strcmp(pattern, OPERATION))
        return part.n > 1 && part.p[0] == '$';
    return part.n > 0;
}

static bool row_fits(const struct row *row, const struct path *path)
{
    size_t i;

    for (i = 0; i < path->n; i++) {
        if (!row->parts[i] || !part_fits(row->parts[i], path->parts[i]))
            return false;
    }
    return i > 0 && (i == SEGMENTS_MAX || !row->parts[i]);
}

static void take_parts(const struct row *row, const struct path *path,
                       struct route *out)
{
    for (size_t i = 0; i < path->n; i++) {
        const char *pattern = row->parts[i];

        if (!strcmp(pattern, TYPE) || !strcmp(pattern, "Subscription"))
            out->type = path->parts[i];
        else if (!strcmp(pattern, ID))
            out->id = path->parts[i];
        else if (!strcmp(pattern, VERSION))
            out->version = path->parts[i];
    }
    out->subscription = bytes_is(out->type, "Subscription");
}

/* 405 says more where FHIR defines what belfry does not do. */
static enum err_code refuse_method(struct bytes method, const struct row *row,
                                   struct route *out, struct err *e)
{
    char shown[TEXT_SHOW_BYTES];

    out->allow = row->allow;
    if (bytes_is(method, "PATCH"))
        return err_set(e, ERR_METHOD, "patch is not supported; allowed: %s",
                       row->allow);
    return err_set(e, ERR_METHOD, "%s is not allowed here; allowed: %s",
                   text_show(method, shown), row->allow);
}

static enum err_code take_method(struct bytes method, const struct row *row,
                                 struct route *out, struct err *e)
{
    for (size_t i = 0; i < METHODS_MAX && row->methods[i].name; i++) {
        if (!bytes_is(method, row->methods[i].name))
            continue;
        out->kind = row->methods[i].kind;
        return ERR_OK;
    }
    return refuse_method(method, row, out, e);
}

/* SubscriptionTopic is none of R4's, but how R4B and R5 write topics. */
static bool is_served_type(struct bytes type)
{
    return model_is_resource_type(type) || bytes_is(type, "SubscriptionTopic");
}

static enum err_code take_row(struct bytes method, const struct row *row,
                              const struct path *path, struct route *out,
                              struct err *e)
{
    char shown[TEXT_SHOW_BYTES];

    take_parts(row, path, out);
    if (out->type.n && !is_served_type(out->type)) {
        text_show(out->type, shown);
        *out = (struct route){.kind = ROUTE_NONE};
        return err_set(e, ERR_NOT_FOUND, "\"%s\" is not an R4 resource type",
                       shown);
    }
    if (row->refusal == no_operation)
        return err_set(e, ERR_NOT_SUPPORTED,
                       "the operation %s is not supported here",
                       text_show(path->parts[path->n - 1], shown));
    if (row->refusal)
        return err_set(e, ERR_NOT_SUPPORTED, "%s", row->refusal);
    return take_method(method, row, out, e);
}

/* The base itself: batch and transaction. */
static enum err_code take_base(struct bytes method, struct route *out,
                               struct err *e)
{
    if (bytes_is(method, "POST")) {
        out->kind = ROUTE_BUNDLE;
        return ERR_OK;
    }
    out->allow = "POST";
    return err_set(e, ERR_METHOD,
                   "this is the base of a FHIR server, which takes batches and "
                   "transactions by POST: see [base]/metadata, [base]/[type] "
                   "and [base]/[type]/[id]");
}

enum err_code router_find(struct bytes method, struct bytes text,
                          struct arena *arena, struct route *out, struct err *e)
{
    struct path path;
    bool too_long;
    enum err_code code;

    *out = (struct route){.kind = ROUTE_NONE};
    code = split_path(text, arena, &path, &too_long, e);
    if (code != ERR_OK)
        return code;
    if (path.n == 1 && bytes_is(path.parts[0], "fhir"))
        return take_base(method, out, e);
    for (size_t i = 0; i < ROWS && !too_long; i++) {
        if (row_fits(&rows[i], &path))
            return take_row(method, &rows[i], &path, out, e);
    }
    return err_set(e, ERR_NOT_FOUND, "there is nothing at this path");
}
