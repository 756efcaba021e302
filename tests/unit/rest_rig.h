/* rest_rig: the REST layer over a real engine, behind the real HTTP server.
 * Owns:   the engine's rig, the REST layer, the server, until rest_rig_close.
 * The answer of the last request is in `answer`. */
#ifndef BELFRY_TESTS_UNIT_REST_RIG_H
#define BELFRY_TESTS_UNIT_REST_RIG_H

#include "tests/unit/engine_rig.h"
#include "tests/unit/http_client.h"

#include "server/base/rng.h"
#include "server/rest/rest.h"

#define REST_RIG_BODY_BYTES ((size_t)4096)
#define REST_RIG_REQUEST_BYTES 8192

struct rest_rig {
    struct rig *rig;
    struct rest *rest;
    struct app app; /* for its client: only the server is used */
    struct answer answer;
};

static inline void rest_rig_batch_done(void *ctx)
{
    http_server_kick(((struct rest_rig *)ctx)->app.server);
}

/* Plain http and loopback are fine here; anything with "evil" is not. */
static inline enum err_code rest_rig_endpoint(void *ctx, const char *url,
                                              struct err *e)
{
    (void)ctx;
    return strstr(url, "evil") ? err_set(e, ERR_UNPROCESSABLE, "an evil one")
                               : ERR_OK;
}

/* The engine of the rig again, with one who listens. */
static inline void rest_rig_start_engine(struct rest_rig *r)
{
    const struct engine_config config = {.data_dir = r->rig->dir,
                                         .map_bytes = (size_t)256 << 20,
                                         .clock = &r->rig->clock,
                                         .topics = r->rig->topics,
                                         .base_url = RIG_BASE};
    const struct engine_listener listener = {.batch_done = rest_rig_batch_done,
                                             .ctx = r};
    struct err e = {0};

    engine_close(&r->rig->engine);
    assert_int_equal(engine_open(&config, &r->rig->engine, &e), ERR_OK);
    engine_listen(r->rig->engine, &listener);
}

static inline int rest_rig_open(void **state)
{
    struct rest_rig *r = calloc(1, sizeof *r);
    struct rest_config config;
    struct err e = {0};
    void *rig;

    assert_non_null(r);
    assert_int_equal(rig_open(&rig), 0);
    r->rig = rig;
    rest_rig_start_engine(r);
    config = (struct rest_config){.engine = r->rig->engine,
                                  .base_url = RIG_BASE,
                                  .clock = &r->rig->clock,
                                  .rng = rng_system(),
                                  .body_bytes = REST_RIG_BODY_BYTES,
                                  .endpoint = rest_rig_endpoint,
                                  .version = "1"};
    if (rest_new(&config, &r->rest, &e) != ERR_OK)
        fail_msg("%s", e.message);
    app_init(&r->app);
    r->app.config.handler = rest_handler(r->rest);
    r->app.config.limits.body_bytes = REST_RIG_BODY_BYTES;
    if (http_server_start(&r->app.config, &r->app.server, &e) != ERR_OK)
        fail_msg("%s", e.message);
    assert_int_equal(engine_start(r->rig->engine, &e), ERR_OK);
    *state = r;
    return 0;
}

static inline int rest_rig_close(void **state)
{
    struct rest_rig *r = *state;
    void *rig = r->rig;

    engine_close(&r->rig->engine);
    http_server_stop(&r->app.server);
    pthread_cond_destroy(&r->app.changed);
    pthread_mutex_destroy(&r->app.m);
    rest_free(r->rest);
    (void)rig_close(&rig);
    free(r);
    return 0;
}

/* headers end each with CRLF; body may be NULL. Returns the status. */
static inline int rest_rig_ask(struct rest_rig *r, const char *line,
                               const char *headers, const char *body)
{
    char text[REST_RIG_REQUEST_BYTES];
    int n;

    if (body)
        n = snprintf(text, sizeof text,
                     "%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n"
                     "%s",
                     line, headers, strlen(body), body);
    else
        n = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n",
                     line, headers);
    assert_true(n > 0 && (size_t)n < sizeof text);
    client_ask(&r->app, text, &r->answer);
    return r->answer.status;
}

#define REST_RIG_FHIR "Content-Type: application/fhir+json\r\n"

static inline int rest_rig_write(struct rest_rig *r, const char *line,
                                 const char *headers, const char *body)
{
    char all[1024];

    assert_true(snprintf(all, sizeof all, REST_RIG_FHIR "%s", headers) > 0);
    return rest_rig_ask(r, line, all, body);
}

/* The answer is a refusal: an OperationOutcome with this issue type, whose
 * text or expression has the part. */
static inline void rest_rig_refused(const struct rest_rig *r, const char *code,
                                    const char *part)
{
    cJSON *json = cJSON_Parse(r->answer.body);
    const cJSON *issue =
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "issue"), 0);
    const char *type = cJSON_GetStringValue(
        cJSON_GetObjectItemCaseSensitive(json, "resourceType"));
    const char *got =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(issue, "code"));
    const char *severity = cJSON_GetStringValue(
        cJSON_GetObjectItemCaseSensitive(issue, "severity"));

    if (!type || strcmp(type, "OperationOutcome") != 0 || !got ||
        strcmp(got, code) != 0 || !severity || !strcmp(severity, "information"))
        fail_msg("%d %s", r->answer.status, r->answer.body);
    if (!strstr(r->answer.body, part))
        fail_msg("no '%s' in %s", part, r->answer.body);
    assert_non_null(strcasestr(r->answer.head, "application/fhir+json"));
    cJSON_Delete(json);
}

#endif
