/* FHIRPath: any expression, strict and lenient, on any resource. The input is
 * the expression, a NUL, and the resource's JSON; without a NUL a resource of
 * our own stands in. What an expression yields must print, and be the same
 * when it is evaluated again. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "fhir/fhirpath/fhirpath.h"
#include "fhir/fhirpath/print.h"
#include "fhir/json/gate.h"
#include "fhir/json/tree.h"
#include "storage/base/buf.h"

#define ARENA_BYTES ((size_t)4 << 20)
#define OUTPUT_BYTES ((size_t)16 << 20)
#define NOW_MS INT64_C(1772600767089)

static const char own_resource[] =
    "{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\","
    "\"_status\":{\"extension\":[{\"url\":\"u\",\"valueBoolean\":true}]},"
    "\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"c\"}]},"
    "\"subject\":{\"reference\":\"#c\"},\"effectiveDateTime\":\"2015-02\","
    "\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"c\"}],"
    "\"valueQuantity\":{\"value\":1.50,\"unit\":\"kg\",\"code\":\"kg\","
    "\"system\":\"http://unitsofmeasure.org\"},"
    "\"component\":[{\"valueString\":\"a\"},{\"valueInteger\":7}]}";

static void print_twice(const struct fhirpath *f,
                        const struct fhirpath_input *in)
{
    struct buf first;
    struct buf again;

    buf_init(&first, OUTPUT_BYTES);
    buf_init(&again, OUTPUT_BYTES);
    for (int i = 0; i < 2; i++) {
        struct arena arena;
        struct fhirpath_collection c;
        struct err e = {.code = ERR_OK};
        bool is_true;

        arena_init(&arena, ARENA_BYTES);
        if (fhirpath_evaluate(f, in, &arena, &c, &e))
            buf_add_text(i ? &again : &first, e.message);
        else {
            print_collection(&c, &arena, i ? &again : &first);
            (void)!fhirpath_is_true(f, &c, &arena, &is_true, &e);
        }
        arena_fini(&arena);
    }
    assert(bytes_equal(buf_bytes(&first), buf_bytes(&again)));
    buf_fini(&first);
    buf_fini(&again);
}

static void evaluate(struct bytes expression, const cJSON *resource,
                     bool strict)
{
    const cJSON *type =
        cJSON_GetObjectItemCaseSensitive(resource, "resourceType");
    struct fhirpath_options options = {
        .context = strict && cJSON_IsString(type) ? type->valuestring : NULL,
        .strict = strict,
        .as_filters = !strict};
    struct fhirpath_input in = {.resource = resource,
                                .current = resource,
                                .previous = resource,
                                .now_ms = NOW_MS};
    struct fhirpath *f = NULL;
    struct err e = {.code = ERR_OK};

    if (fhirpath_compile(expression, &options, &f, &e)) {
        assert(e.message[0] != '\0');
        return;
    }
    print_twice(f, &in);
    fhirpath_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes input = bytes_make((const char *)data, n);
    struct bytes json;
    struct bytes expression = bytes_split(input, '\0', &json);
    cJSON *resource = NULL;

    if (json.n == 0)
        json = bytes_of(own_resource);
    if (json_gate(json, NULL) || json_tree_parse(json, &resource, NULL))
        return 0;
    evaluate(expression, resource, true);
    evaluate(expression, resource, false);
    cJSON_Delete(resource);
    return 0;
}
