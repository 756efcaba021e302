#include "fhir/model/xhtml.h"

#include "fhir/model/name.h"

#define XHTML_NAMESPACE "http://www.w3.org/1999/xhtml"
#define ENTITY_BYTES_MAX 12

/* Constraint txt-1, and what HL7's validator takes besides (address, area,
 * bdo, del, ins, kbd, map, u). In byte order. */
static const char *const elements[] = {
    "a",        "abbr",       "acronym", "address", "area",  "b",     "bdo",
    "big",      "blockquote", "br",      "caption", "cite",  "code",  "col",
    "colgroup", "dd",         "del",     "dfn",     "div",   "dl",    "dt",
    "em",       "h1",         "h2",      "h3",      "h4",    "h5",    "h6",
    "hr",       "i",          "img",     "ins",     "kbd",   "li",    "map",
    "ol",       "p",          "pre",     "q",       "samp",  "small", "span",
    "strong",   "sub",        "sup",     "table",   "tbody", "td",    "tfoot",
    "th",       "thead",      "tr",      "tt",      "u",     "ul",    "var"};

static const char *const attributes[] = {
    "abbr",       "accesskey", "align",      "alt",         "axis",
    "bgcolor",    "border",    "cellhalign", "cellpadding", "cellspacing",
    "cellvalign", "char",      "charoff",    "charset",     "cite",
    "class",      "colspan",   "compact",    "coords",      "dir",
    "frame",      "headers",   "height",     "href",        "hreflang",
    "hspace",     "id",        "lang",       "longdesc",    "name",
    "nowrap",     "rel",       "rev",        "rowspan",     "rules",
    "scope",      "shape",     "span",       "src",         "start",
    "style",      "summary",   "tabindex",   "title",       "type",
    "usemap",     "valign",    "value",      "vspace",      "width",
    "xml:lang",   "xml:space", "xmlns"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const char malformed[] = "is not well-formed XHTML";
static const char not_div[] = "must be one <div> element of XHTML";

struct reader {
    struct bytes rest;
    struct bytes open[XHTML_DEPTH_MAX];
    size_t depth;
    bool content; /* a character that is no space, or an image */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ':' ||
           c == '.';
}

static void skip(struct reader *r, size_t n)
{
    r->rest = bytes_from(r->rest, n);
}

static void skip_space(struct reader *r)
{
    while (r->rest.n > 0 && is_space(r->rest.p[0]))
        skip(r, 1);
}

static bool take(struct reader *r, const char *text)
{
    if (!bytes_starts(r->rest, text))
        return false;
    skip(r, strlen(text));
    return true;
}

static struct bytes take_name(struct reader *r)
{
    size_t n = 0;
    struct bytes name;

    while (n < r->rest.n && is_name_character(r->rest.p[n]))
        n++;
    name = bytes_make(r->rest.p, n);
    skip(r, n);
    return name;
}

/* Behind the next end mark; false when there is none. */
static bool skip_past(struct reader *r, const char *mark)
{
    size_t n = strlen(mark);

    while (r->rest.n >= n) {
        if (take(r, mark))
            return true;
        skip(r, 1);
    }
    return false;
}

/* At an '&': a character reference or the name of an entity. */
static bool skip_entity(struct reader *r)
{
    size_t n = 1;

    if (n < r->rest.n && r->rest.p[n] == '#')
        n++;
    while (n < r->rest.n && n <= ENTITY_BYTES_MAX &&
           is_name_character(r->rest.p[n]))
        n++;
    if (n < 2 || n >= r->rest.n || r->rest.p[n] != ';')
        return false;
    skip(r, n + 1);
    return true;
}

static const char *read_attribute_value(struct reader *r, struct bytes *out)
{
    const char *begin;
    char quote;

    if (r->rest.n == 0 || (r->rest.p[0] != '"' && r->rest.p[0] != '\''))
        return malformed;
    quote = r->rest.p[0];
    skip(r, 1);
    begin = r->rest.p;
    while (r->rest.n > 0 && r->rest.p[0] != quote) {
        if (r->rest.p[0] == '<')
            return malformed;
        if (r->rest.p[0] != '&')
            skip(r, 1);
        else if (!skip_entity(r))
            return malformed;
    }
    if (r->rest.n == 0)
        return malformed;
    *out = bytes_make(begin, (size_t)(r->rest.p - begin));
    skip(r, 1);
    return NULL;
}

static const char *read_attribute(struct reader *r)
{
    struct bytes name = take_name(r), value;
    const char *problem;

    if (name.n == 0)
        return malformed;
    skip_space(r);
    if (!take(r, "="))
        return malformed;
    skip_space(r);
    problem = read_attribute_value(r, &value);
    if (problem)
        return problem;
    if (bytes_is(name, "xmlns") && !bytes_is(value, XHTML_NAMESPACE))
        return "must have the namespace " XHTML_NAMESPACE;
    if (!model_name_is_among(name, attributes, COUNT(attributes)) &&
        !bytes_starts(name, "xmlns:"))
        return "has an attribute that XHTML in FHIR must not have";
    return NULL;
}

static const char *read_attributes(struct reader *r)
{
    const char *problem = NULL;

    while (!problem) {
        size_t before = r->rest.n;

        skip_space(r);
        if (r->rest.n == 0)
            return malformed;
        if (r->rest.p[0] == '>' || r->rest.p[0] == '/')
            return NULL;
        if (r->rest.n == before)
            return malformed;
        problem = read_attribute(r);
    }
    return problem;
}

static const char *read_start(struct reader *r)
{
    struct bytes name = take_name(r);
    const char *problem;

    if (name.n == 0)
        return malformed;
    if (r->depth == 0 && !bytes_is(name, "div"))
        return not_div;
    if (!model_name_is_among(name, elements, COUNT(elements)))
        return "has an element that XHTML in FHIR must not have";
    problem = read_attributes(r);
    if (problem)
        return problem;
    r->content = r->content || bytes_is(name, "img");
    if (take(r, "/>"))
        return NULL;
    if (!take(r, ">"))
        return malformed;
    if (r->depth == XHTML_DEPTH_MAX)
        return "is nested too deeply";
    r->open[r->depth++] = name;
    return NULL;
}

static const char *read_end(struct reader *r)
{
    struct bytes name = take_name(r);

    skip_space(r);
    if (r->depth == 0 || !take(r, ">") ||
        !bytes_equal(r->open[r->depth - 1], name))
        return malformed;
    r->depth--;
    return NULL;
}

static const char *read_markup(struct reader *r)
{
    if (take(r, "<!--"))
        return skip_past(r, "-->") ? NULL : malformed;
    if (take(r, "</"))
        return read_end(r);
    skip(r, 1);
    return read_start(r);
}

static const char *read_character(struct reader *r)
{
    if (r->rest.p[0] == '&') {
        r->content = true;
        return skip_entity(r) ? NULL : malformed;
    }
    r->content = r->content || !is_space(r->rest.p[0]);
    skip(r, 1);
    return NULL;
}

const char *xhtml_problem(struct bytes text)
{
    struct reader r = {.rest = text, .depth = 0};
    const char *problem;

    skip_space(&r);
    if (!bytes_starts(r.rest, "<div"))
        return not_div;
    do {
        problem = r.rest.p[0] == '<' ? read_markup(&r) : read_character(&r);
    } while (!problem && r.depth > 0 && r.rest.n > 0);
    if (problem)
        return problem;
    if (r.depth > 0)
        return malformed;
    skip_space(&r);
    if (r.rest.n > 0)
        return not_div;
    return r.content ? NULL : "must have content, not white space only";
}
