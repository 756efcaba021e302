#include "server/rest/negotiate.h"

#include "server/rest/text.h"

#define Q_ONE 1000

static const char *const media_names[] = {"application/fhir+json",
                                          "application/json"};
#define MEDIA_COUNT (sizeof media_names / sizeof media_names[0])

const char *media_content_type(enum media m)
{
    switch (m) {
    case MEDIA_JSON:
        return "application/json;charset=utf-8";
    case MEDIA_METRICS:
        return "text/plain;version=0.0.4;charset=utf-8";
    case MEDIA_FHIR_JSON:
        break;
    }
    return "application/fhir+json;charset=utf-8";
}

/* The weight in thousandths; a malformed one excludes nothing. */
static int weight(struct bytes text)
{
    int q, scale = 100;

    if (text.n == 0 || text.n > 5 || (text.p[0] != '0' && text.p[0] != '1') ||
        (text.n > 1 && text.p[1] != '.'))
        return Q_ONE;
    q = (text.p[0] - '0') * Q_ONE;
    for (size_t i = 2; i < text.n; i++, scale /= 10) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return Q_ONE;
        q += (text.p[i] - '0') * scale;
    }
    return q > Q_ONE ? Q_ONE : q;
}

struct media_range {
    struct bytes type;
    int q;
    bool usable; /* belfry speaks its charset and FHIR version */
};

static void read_parameter(struct bytes item, struct media_range *range)
{
    struct bytes value, name = text_trim(bytes_split(item, '=', &value));

    value = text_unquote(text_trim(value));
    if (text_same(name, "q"))
        range->q = weight(value);
    else if (text_same(name, "charset"))
        range->usable = range->usable && text_same(value, "utf-8");
    else if (text_same(name, "fhirVersion"))
        range->usable = range->usable && bytes_is(value, "4.0");
}

static struct media_range read_range(struct bytes text)
{
    struct media_range range = {.q = Q_ONE, .usable = true};
    struct bytes item;

    if (text_list_next(&text, ';', &item))
        range.type = item;
    while (text_list_next(&text, ';', &item))
        read_parameter(item, &range);
    return range;
}

/* 3 names it, 2 its kind, 1 anything, 0 something else. */
static int specificity(struct bytes type, const char *name)
{
    if (text_same(type, name))
        return 3;
    if (text_same(type, "application/*"))
        return 2;
    return bytes_is(type, "*/*") ? 1 : 0;
}

struct score {
    int specificity;
    int q;
};

static void take_range(const struct media_range *range,
                       struct score scores[MEDIA_COUNT])
{
    for (size_t m = 0; m < MEDIA_COUNT; m++) {
        int s = specificity(range->type, media_names[m]);

        if (s > scores[m].specificity ||
            (s && s == scores[m].specificity && range->q > scores[m].q))
            scores[m] = (struct score){s, range->q};
    }
}

static bool better(struct score a, struct score b)
{
    return a.q > b.q || (a.q == b.q && a.specificity > b.specificity);
}

enum err_code negotiate_accept(struct bytes accept, enum media *out,
                               struct err *e)
{
    struct score scores[MEDIA_COUNT] = {{0, 0}, {0, 0}};
    struct bytes item;

    *out = MEDIA_FHIR_JSON;
    if (!text_trim(accept).n)
        return ERR_OK;
    while (text_list_next(&accept, ',', &item)) {
        struct media_range range = read_range(item);

        if (range.usable)
            take_range(&range, scores);
    }
    if (better(scores[MEDIA_JSON], scores[MEDIA_FHIR_JSON]))
        *out = MEDIA_JSON;
    if (scores[*out].q == 0)
        return err_set(e, ERR_NOT_ACCEPTABLE,
                       "belfry answers application/fhir+json or "
                       "application/json, charset utf-8, fhirVersion 4.0");
    return ERR_OK;
}

/* A '+' that was not escaped in the URL has become a space. */
static bool is_fhir_json(struct bytes type)
{
    return text_same(type, "application/fhir+json") ||
           text_same(type, "application/fhir json") || text_same(type, "json");
}

enum err_code negotiate_format(struct bytes format, enum media *out,
                               struct err *e)
{
    struct media_range range = read_range(format);
    char shown[TEXT_SHOW_BYTES];

    *out = MEDIA_FHIR_JSON;
    if (range.usable && is_fhir_json(range.type))
        return ERR_OK;
    *out = MEDIA_JSON;
    if (range.usable && text_same(range.type, "application/json"))
        return ERR_OK;
    *out = MEDIA_FHIR_JSON;
    return err_set(e, ERR_NOT_ACCEPTABLE,
                   "_format \"%s\" is not one of json, application/fhir+json, "
                   "application/json",
                   text_show(format, shown));
}

enum err_code negotiate_body(struct bytes content_type, struct err *e)
{
    struct media_range range = read_range(content_type);
    char shown[TEXT_SHOW_BYTES];

    if (!range.type.n)
        return err_set(e, ERR_MEDIA_TYPE,
                       "a body needs the header Content-Type: "
                       "application/fhir+json");
    if (range.usable && (text_same(range.type, media_names[0]) ||
                         text_same(range.type, media_names[1])))
        return ERR_OK;
    return err_set(e, ERR_MEDIA_TYPE,
                   "Content-Type \"%s\" is not application/fhir+json or "
                   "application/json in utf-8 and fhirVersion 4.0",
                   text_show(content_type, shown));
}

enum err_code negotiate_form(struct bytes content_type, struct err *e)
{
    struct media_range range = read_range(content_type);

    if (range.usable &&
        text_same(range.type, "application/x-www-form-urlencoded"))
        return ERR_OK;
    return err_set(e, ERR_MEDIA_TYPE,
                   "_search takes application/x-www-form-urlencoded");
}

static bool return_value(struct bytes value, enum prefer_return *out)
{
    static const char *const names[] = {"representation", "minimal",
                                        "OperationOutcome"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!text_same(value, names[i]))
            continue;
        *out = (enum prefer_return)i;
        return true;
    }
    return false;
}

enum prefer_return negotiate_prefer(struct bytes prefer)
{
    enum prefer_return found = PREFER_REPRESENTATION;
    struct bytes item, token, name, value;

    while (text_list_next(&prefer, ',', &item)) {
        while (text_list_next(&item, ';', &token)) {
            name = text_trim(bytes_split(token, '=', &value));
            if (text_same(name, "return") &&
                return_value(text_unquote(text_trim(value)), &found))
                return found;
        }
    }
    return found;
}
