/* stored_of: a text of a test as the log keeps it.
 * Owns:   nothing; the stored text is the caller's. */
#ifndef BELFRY_TESTS_BASE_STORED_OF_H
#define BELFRY_TESTS_BASE_STORED_OF_H

#include "fhir/json/gate.h"
#include "fhir/json/stored.h"

/* As stored_text_make(), of a text that has not passed the gate. */
static inline enum err_code stored_of(const char *text, struct bytes id,
                                      struct stored_text *out, struct err *e)
{
    struct json_tokens tokens = {.count = 0};
    enum err_code code = json_gate_read(bytes_of(text), &tokens, e);

    if (code == ERR_OK)
        code = stored_text_make(&tokens, id, out, e);
    json_tokens_fini(&tokens);
    return code;
}

#endif
