#include "fhir/search/compilation.h"
#include "fhir/search/fold.h"

#include <stdlib.h>

enum err_code compilation_fold(const struct compilation *c, char *text,
                               size_t n, struct bytes *out)
{
    struct bytes plain = {text, n};
    char *folded;

    if (!compilation_unescape(text, &plain))
        return compilation_refuse_escape(c);
    out->n = fold_size(plain);
    if (out->n == 0)
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' has a value without a letter, digit or sign",
                       BYTES_ARG(c->name));
    folded = malloc(out->n);
    if (!folded)
        return err_nomem(c->e);
    (void)fold_write(plain, folded, out->n);
    out->p = folded;
    return ERR_OK;
}

enum err_code compile_string(const struct compilation *c, char *text, size_t n,
                             struct predicate_value *out)
{
    if (c->how != HOW_EXACT)
        return compilation_fold(c, text, n, &out->text);
    out->text.n = n;
    return compilation_unescape(text, &out->text)
               ? ERR_OK
               : compilation_refuse_escape(c);
}

/* R4 search.html, uri: a URN has nothing above or below it. */
enum err_code compile_uri(const struct compilation *c, char *text, size_t n,
                          struct predicate_value *out)
{
    out->text.n = n;
    if (!compilation_unescape(text, &out->text))
        return compilation_refuse_escape(c);
    if (c->how != HOW_PLAIN && bytes_starts(out->text, "urn:"))
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' takes a URL, nothing is above or below a URN",
                       BYTES_ARG(c->name));
    return ERR_OK;
}
