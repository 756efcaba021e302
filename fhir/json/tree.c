#include "fhir/json/tree.h"

#include "fhir/json/gate.h"

/* --- the numbers of a tree in the order of the text --- */

struct walk {
    cJSON *open[JSON_DEPTH_MAX + 1];
    size_t depth;
    cJSON *next;
};

static cJSON *walk_next(struct walk *w)
{
    cJSON *item;

    while (!w->next && w->depth > 0)
        w->next = w->open[--w->depth]->next;
    item = w->next;
    if (!item)
        return NULL;
    if (item->child && w->depth <= JSON_DEPTH_MAX) {
        w->open[w->depth++] = item;
        w->next = item->child;
    } else {
        w->next = w->depth > 0 ? item->next : NULL;
    }
    return item;
}

static cJSON *next_number(struct walk *w)
{
    cJSON *item;

    do
        item = walk_next(w);
    while (item && !cJSON_IsNumber(item));
    return item;
}

/* --- the numbers of a text --- */

static bool is_number_part(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' ||
           c == 'e' || c == 'E';
}

/* Behind the string whose opening quote stands at i. */
static size_t skip_string(struct bytes text, size_t i)
{
    for (i++; i < text.n && text.p[i] != '"'; i++)
        if (text.p[i] == '\\')
            i++;
    return i + 1;
}

/* Where the next number begins, text.n when there is none. */
static size_t find_number(struct bytes text, size_t i)
{
    while (i < text.n) {
        char c = text.p[i];

        if (c == '-' || (c >= '0' && c <= '9'))
            return i;
        i = c == '"' ? skip_string(text, i) : i + 1;
    }
    return text.n;
}

static size_t number_end(struct bytes text, size_t i)
{
    while (i < text.n && is_number_part(text.p[i]))
        i++;
    return i;
}

/* cJSON leaves the string of an item marked as reference alone, and a number
 * has no use of its own for it. */
static void keep_numbers(struct bytes text, cJSON *root)
{
    struct walk w = {.next = root};
    size_t i = find_number(text, 0);
    cJSON *item;

    while (i < text.n && (item = next_number(&w)) != NULL) {
        union {
            const char *text;
            char *borrowed;
        } at = {.text = text.p + i};

        item->valuestring = at.borrowed;
        item->type |= cJSON_IsReference;
        i = find_number(text, number_end(text, i));
    }
}

enum err_code json_tree_parse(struct bytes text, cJSON **out, struct err *e)
{
    *out = cJSON_ParseWithLength(text.p, text.n);
    if (!*out)
        return err_set(e, ERR_SYNTAX, "not JSON, or out of memory");
    keep_numbers(text, *out);
    return ERR_OK;
}

struct bytes json_tree_number(const cJSON *item)
{
    size_t n = 0;

    if (!item || !cJSON_IsNumber(item) || !item->valuestring)
        return bytes_make(NULL, 0);
    while (is_number_part(item->valuestring[n]))
        n++;
    return bytes_make(item->valuestring, n);
}
