/* span: where things stand in a JSON text, without parsing it into a tree.
 * Owns:   nothing; spans borrow the text.
 * Thread: any.
 * The text must have passed json_gate(); then nothing here can fail but by
 * not finding. */
#ifndef BELFRY_FHIR_JSON_SPAN_H
#define BELFRY_FHIR_JSON_SPAN_H

#include "storage/base/bytes.h"

struct json_span {
    size_t begin; /* offset of the first byte in the text */
    size_t end;   /* one past the last */
};

/* One member of an object or one element of an array. */
struct json_item {
    struct json_span key;   /* with its quotes; empty in an array */
    struct json_span value; /* without surrounding white space */
};

/* Walks the members of the object, or elements of the array, whose value
 * stands at container. *position starts at 0 and is the iterator's own.
 * False at the end, or when container is neither. */
bool json_next(struct bytes text, struct json_span container, size_t *position,
               struct json_item *out);

/* The value of the member named key of the object at container. */
bool json_member(struct bytes text, struct json_span container, const char *key,
                 struct json_item *out);

/* One past the value that begins at an offset, which is that of its first
 * byte. */
size_t json_value_end(struct bytes text, size_t begin);

/* The whole text's one value. */
struct json_span json_root(struct bytes text);

static inline struct bytes json_text(struct bytes text, struct json_span s)
{
    return bytes_make(text.p + s.begin, s.end - s.begin);
}

/* The string at span compared with a text, after unescaping. */
bool json_string_is(struct bytes text, struct json_span span, const char *want);

#endif
