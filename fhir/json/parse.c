#include "fhir/json/parse.h"

#include "fhir/json/gate.h"
#include "fhir/json/number.h"
#include "fhir/json/scan.h"
#include "fhir/json/unescape.h"

#include <limits.h>

struct open {
    cJSON *container;
    cJSON *last; /* of its children */
};

struct parse {
    const char *at;
    const char *end;
    size_t depth;
    struct open open[JSON_DEPTH_MAX];
};

/* ---- strings ---- */

/* The string whose opening quote stands at p->at, which is moved behind it. */
static char *take_string(struct parse *p)
{
    const char *begin = p->at + 1;
    const char *stop = scan_to_mark(begin, p->end);
    bool escaped = stop < p->end && *stop == '\\';
    size_t n;
    char *out;

    while (p->end - stop >= 2 && *stop == '\\')
        stop = scan_to_mark(stop + 2, p->end);
    if (stop >= p->end || *stop != '"')
        return NULL;
    n = (size_t)(stop - begin);
    p->at = stop + 1;
    out = cJSON_malloc(n + 1);
    if (!out)
        return NULL;
    if (escaped)
        n = json_unescape(bytes_make(begin, n), out);
    else
        memcpy(out, begin, n);
    out[n] = '\0';
    return out;
}

/* ---- numbers ---- */

static bool is_number_part(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' ||
           c == 'e' || c == 'E';
}

static int to_int(double value)
{
    if (value >= INT_MAX)
        return INT_MAX;
    return value <= (double)INT_MIN ? INT_MIN : (int)value;
}

static bool take_number(struct parse *p, cJSON *item)
{
    const char *begin = p->at;

    while (p->at < p->end && is_number_part(*p->at))
        p->at++;
    if (!json_number_read(bytes_make(begin, (size_t)(p->at - begin)),
                          &item->valuedouble))
        return false;
    item->valueint = to_int(item->valuedouble);
    item->type = cJSON_Number;
    return true;
}

/* ---- structure ---- */

static bool take_word(struct parse *p, cJSON *item, size_t n, int type)
{
    if ((size_t)(p->end - p->at) < n)
        return false;
    p->at += n;
    item->type = type;
    return true;
}

static bool open_container(struct parse *p, cJSON *item, int type)
{
    if (p->depth == JSON_DEPTH_MAX)
        return false;
    p->open[p->depth++] = (struct open){item, NULL};
    p->at++;
    item->type = type;
    return true;
}

static bool take_value(struct parse *p, cJSON *item)
{
    switch (p->at < p->end ? *p->at : '\0') {
    case '"':
        item->valuestring = take_string(p);
        item->type = cJSON_String;
        return item->valuestring != NULL;
    case '{':
        return open_container(p, item, cJSON_Object);
    case '[':
        return open_container(p, item, cJSON_Array);
    case 't':
        item->valueint = 1;
        return take_word(p, item, 4, cJSON_True);
    case 'f':
        return take_word(p, item, 5, cJSON_False);
    case 'n':
        return take_word(p, item, 4, cJSON_NULL);
    default:
        return take_number(p, item);
    }
}

/* To the next key, value or closing bracket. */
static inline void skip_between(struct parse *p)
{
    const char *at = p->at;

    while (at < p->end && (*at == ',' || *at == ':' || *at == ' ' ||
                           *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    p->at = at;
}

static cJSON *new_item(void)
{
    cJSON *item = cJSON_malloc(sizeof *item);

    return item ? memset(item, 0, sizeof *item) : NULL;
}

/* A child of the innermost container; the first one's prev is the last. */
static cJSON *add_child(struct open *top)
{
    cJSON *item = new_item();

    if (!item)
        return NULL;
    if (top->last) {
        item->prev = top->last;
        top->last->next = item;
    } else {
        top->container->child = item;
    }
    top->container->child->prev = item;
    top->last = item;
    return item;
}

/* The next child of the innermost container, or its end. */
static bool step(struct parse *p)
{
    struct open *top = &p->open[p->depth - 1];
    cJSON *item;

    skip_between(p);
    if (p->at == p->end)
        return false;
    if (*p->at == '}' || *p->at == ']') {
        p->at++;
        p->depth--;
        return true;
    }
    item = add_child(top);
    if (!item)
        return false;
    if (top->container->type == cJSON_Object) {
        item->string = take_string(p);
        if (!item->string)
            return false;
        skip_between(p);
    }
    return take_value(p, item);
}

cJSON *json_parse(struct bytes text)
{
    struct parse p;
    cJSON *root = new_item();
    bool whole;

    p.at = text.p;
    p.end = text.p + text.n;
    p.depth = 0;
    skip_between(&p);
    whole = root && take_value(&p, root);
    while (whole && p.depth > 0)
        whole = step(&p);
    if (whole)
        return root;
    cJSON_Delete(root);
    return NULL;
}
