/* Which interaction a method and a path ask for, and how others are told. */
#include "server/rest/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ARENA_BYTES ((size_t)1 << 16)

static enum err_code find(struct arena *arena, const char *method,
                          const char *path, struct route *out, struct err *e)
{
    arena_init(arena, ARENA_BYTES);
    return router_find(bytes_of(method), bytes_of(path), arena, out, e);
}

static void every_interaction_has_its_route(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        enum route_kind kind;
        const char *type;
        const char *id;
        const char *version;
    } rows[] = {
        {"GET", "/health", ROUTE_HEALTH, "", "", ""},
        {"GET", "/health/live", ROUTE_LIVE, "", "", ""},
        {"GET", "/fhir/metadata", ROUTE_METADATA, "", "", ""},
        {"HEAD", "/fhir/metadata", ROUTE_METADATA, "", "", ""},
        {"GET", "/fhir/Patient/p1", ROUTE_READ, "Patient", "p1", ""},
        {"HEAD", "/fhir/Patient/p1", ROUTE_READ, "Patient", "p1", ""},
        {"GET", "/fhir/Patient/p1/", ROUTE_READ, "Patient", "p1", ""},
        {"GET", "/fhir/Patient/p%2D1", ROUTE_READ, "Patient", "p-1", ""},
        {"GET", "/fhir/Patient/p1/_history/3", ROUTE_VREAD, "Patient", "p1",
         "3"},
        {"POST", "/fhir/Patient", ROUTE_CREATE, "Patient", "", ""},
        {"PUT", "/fhir/Patient/p1", ROUTE_UPDATE, "Patient", "p1", ""},
        {"DELETE", "/fhir/Patient/p1", ROUTE_DELETE, "Patient", "p1", ""},
        {"GET", "/fhir/Patient", ROUTE_SEARCH, "Patient", "", ""},
        {"POST", "/fhir/Patient/_search", ROUTE_SEARCH_FORM, "Patient", "", ""},
        {"GET", "/fhir/Subscription/$status", ROUTE_STATUS_TYPE, "Subscription",
         "", ""},
        {"POST", "/fhir/Subscription/$status", ROUTE_STATUS_TYPE,
         "Subscription", "", ""},
        {"GET", "/fhir/Subscription/s1/$status", ROUTE_STATUS_INSTANCE,
         "Subscription", "s1", ""},
        {"POST", "/fhir/Subscription/s1/$status", ROUTE_STATUS_INSTANCE,
         "Subscription", "s1", ""},
        {"POST", "/fhir/Subscription/s1/$events", ROUTE_EVENTS, "Subscription",
         "s1", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena;
        struct route route;
        struct err e = {0};

        if (find(&arena, rows[i].method, rows[i].path, &route, &e) != ERR_OK)
            fail_msg("%s %s: %s", rows[i].method, rows[i].path, e.message);
        assert_int_equal(route.kind, rows[i].kind);
        assert_true(bytes_is(route.type, rows[i].type));
        assert_true(bytes_is(route.id, rows[i].id));
        assert_true(bytes_is(route.version, rows[i].version));
        assert_int_equal(route.subscription,
                         strcmp(rows[i].type, "Subscription") == 0);
        arena_fini(&arena);
    }
}

static void what_is_not_there_is_told_with_its_reason(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        enum err_code code;
        const char *part; /* of the reason */
    } rows[] = {
        {"GET", "/", ERR_NOT_FOUND, "nothing at this path"},
        {"GET", "", ERR_NOT_FOUND, "nothing at this path"},
        {"GET", "/elsewhere", ERR_NOT_FOUND, "nothing at this path"},
        {"GET", "/fhir", ERR_METHOD, "base of a FHIR server"},
        {"GET", "/fhir/", ERR_METHOD, "base of a FHIR server"},
        {"GET", "/FHIR/Patient/p1", ERR_NOT_FOUND, "nothing at this path"},
        {"GET", "/fhir/patient/p1", ERR_NOT_FOUND, "\"patient\""},
        {"PUT", "/fhir/Patiant/p1", ERR_NOT_FOUND, "\"Patiant\""},
        {"GET", "/fhir/Resource/p1", ERR_NOT_FOUND, "\"Resource\""},
        {"GET", "/fhir//p1", ERR_NOT_FOUND, "nothing at this path"},
        {"GET", "/fhir/Patient/p1/_history/3/4", ERR_NOT_FOUND, "nothing"},
        {"GET", "/fhir/Patient/p1/a/b/c/d/e/f/g", ERR_NOT_FOUND, "nothing"},
        {"GET", "/fhir/Patient/%", ERR_INVALID, "escape"},
        {"GET", "/fhir/Patient/%zz", ERR_INVALID, "escape"},
        {"GET", "/fhir/Patient/%00", ERR_INVALID, ""},
        {"GET", "/fhir/Patient/p1/$frobnicate", ERR_NOT_SUPPORTED,
         "operation $frobnicate"},
        {"GET", "/fhir/Subscription/$get-ws-binding-token", ERR_NOT_SUPPORTED,
         "websocket"},
        {"POST", "/fhir/Subscription/s1/$get-ws-binding-token",
         ERR_NOT_SUPPORTED, "websocket"},
        {"GET", "/fhir/Subscription/$events", ERR_NOT_SUPPORTED,
         "operation $events"},
        {"POST", "/fhir/$frobnicate", ERR_NOT_SUPPORTED, "operation"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena;
        struct route route;
        struct err e = {0};

        if (find(&arena, rows[i].method, rows[i].path, &route, &e) !=
                rows[i].code ||
            !strstr(e.message, rows[i].part))
            fail_msg("%s %s: %d %s", rows[i].method, rows[i].path, e.code,
                     e.message);
        arena_fini(&arena);
    }
}

static void other_methods_are_refused_with_those_allowed(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        const char *allowed; /* one that is */
    } rows[] = {
        {"POST", "/health", "GET"},
        {"DELETE", "/fhir/metadata", "GET"},
        {"POST", "/fhir/Patient/p1", "PUT"},
        {"TRACE", "/fhir/Patient/p1", "GET"},
        {"get", "/fhir/Patient/p1", "GET"},
        {"PUT", "/fhir/Patient/p1/_history/1", "GET"},
        {"GET", "/fhir/Patient/_search", "POST"},
        {"DELETE", "/fhir/Subscription/$status", "POST"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena;
        struct route route;
        struct err e = {0};

        assert_int_equal(find(&arena, rows[i].method, rows[i].path, &route, &e),
                         ERR_METHOD);
        assert_non_null(route.allow);
        assert_non_null(strstr(route.allow, rows[i].allowed));
        assert_non_null(strstr(e.message, rows[i].allowed));
        arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_interaction_has_its_route),
        cmocka_unit_test(what_is_not_there_is_told_with_its_reason),
        cmocka_unit_test(other_methods_are_refused_with_those_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
