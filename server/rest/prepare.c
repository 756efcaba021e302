#include "server/rest/prepare.h"

#include <assert.h>

#include "fhir/json/gate.h"
#include "fhir/json/parse.h"
#include "fhir/model/types.h"
#include "fhir/search/values.h"
#include "server/base/json_scope.h"
#include "server/engine/read.h"
#include "server/engine/topic_state.h"
#include "server/rest/exchange.h"
#include "server/rest/precondition.h"
#include "server/rest/subscription_write.h"
#include "server/rest/topic_write.h"
#include "server/rest/validation.h"

/* What a PUT or DELETE asks of the version it meets. */
struct conditions {
    struct etags match;
    struct etags none_match;
};

/* The version it meets, when it had to be looked at. */
struct seen {
    uint64_t version;  /* 0: there is none, or it was deleted */
    struct bytes text; /* scratch */
};

static bool is_subscription(const struct write *w)
{
    return bytes_is(w->type, "Subscription");
}

/* ---- preconditions ---- */

static enum err_code read_conditions(const struct write *w,
                                     struct conditions *out, struct err *e)
{
    enum err_code code = etags_read(w->if_match, &out->match, e);

    if (code == ERR_OK)
        code = etags_read(w->if_none_match, &out->none_match, e);
    return code;
}

/* One plain If-Match is the engine's to check; all else needs a look. */
static bool needs_look(const struct conditions *c)
{
    bool plain = c->match.count == 1 && c->match.foreign == 0;

    return c->none_match.given || (c->match.given && !plain);
}

static enum err_code look(struct write *w, struct seen *out, struct err *e)
{
    struct resource_version v;
    enum err_code code = engine_read(
        w->rest->config.engine, &(struct resource_query){w->type, w->id, 0},
        w->scratch, &v, e);

    *out = (struct seen){.version = 0};
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    if (code != ERR_OK)
        return code;
    if (!v.deleted) {
        out->version = v.version;
        out->text = v.text;
    }
    return ERR_OK;
}

static enum err_code judge(const struct conditions *c, const struct seen *seen,
                           struct err *e)
{
    if (c->match.given && !etags_match(&c->match, seen->version))
        return err_set(e, ERR_PRECONDITION,
                       seen->version ? "If-Match: the version is another"
                                     : "If-Match: there is no such resource");
    if (etags_match(&c->none_match, seen->version))
        return err_set(e, ERR_PRECONDITION,
                       "If-None-Match: the resource is there");
    return ERR_OK;
}

/* Looks at the current version when the conditions or the type ask for it,
 * and ties the command to what was seen. */
static enum err_code meet(struct write *w, struct seen *seen, struct err *e)
{
    struct conditions c;
    enum err_code code = read_conditions(w, &c, e);
    bool text = is_subscription(w) && w->kind == COMMAND_UPDATE;

    *seen = (struct seen){.version = 0};
    if (code != ERR_OK)
        return code;
    if (c.match.count == 1 && c.match.foreign == 0)
        w->command->if_match = c.match.versions[0];
    if (w->conditional && w->conditional->is_new)
        w->command->prepared_upon = 0;
    if (!text && !needs_look(&c))
        return ERR_OK;
    code = look(w, seen, e);
    if (code == ERR_OK)
        code = judge(&c, seen, e);
    w->command->prepared_upon = seen->version;
    return code;
}

/* ---- the command ---- */

static enum err_code new_command(struct write *w, struct err *e)
{
    char drawn[RNG_UUID_BYTES];
    struct bytes id = w->id;
    struct command *c;

    if (w->kind == COMMAND_CREATE && w->id.n == 0) {
        rng_uuid(w->rest->config.rng, drawn);
        id = bytes_of(drawn);
    }
    command_free(w->command);
    w->issues = w->warnings = NULL;
    w->command = c =
        command_new(w->rest->config.body_bytes * 4 + EXCHANGE_SCRATCH_EXTRA);
    if (!c)
        return err_nomem(e);
    if (w->conditional) {
        c->condition = w->conditional->condition;
        w->conditional->condition = NULL;
    }
    c->kind = w->kind;
    c->type = arena_copy(&c->arena, w->type);
    c->id = arena_copy(&c->arena, id);
    return c->type.p && c->id.p ? ERR_OK : err_nomem(e);
}

/* A Subscription is read from the tree of what will be stored. */
static enum err_code read_subscription(struct write *w, struct err *e)
{
    struct bytes text = bytes_make(w->command->text.p, w->command->text.n);
    struct json_scope scope;
    cJSON *resource;
    enum err_code code;

    json_scope_enter(&scope, text.n);
    resource = json_parse(text);
    code = resource ? subscription_write_read(w, resource, e) : err_nomem(e);
    json_scope_delete(&scope, resource);
    json_scope_leave(&scope);
    return code;
}

/* What the engine needs to know of the text besides the text. The id that a
 * client sent with a create must not match a filter: what counts is the one
 * that will be stored. */
static enum err_code digest(struct write *w, const struct json_tokens *tokens,
                            struct err *e)
{
    struct command *c = w->command;
    const struct search_source source = {tokens, c->id, w->rest->base_url};
    enum err_code code =
        topic_write_read(w, bytes_make(c->text.p, c->text.n), e);

    if (code == ERR_OK && is_subscription(w))
        code = read_subscription(w, e);
    if (code == ERR_OK && model_is_resource_type(c->type))
        code = search_values_extract(&source, &c->arena, &c->values, e);
    return code;
}

static enum err_code
complete_with(struct write *w, const struct json_tokens *tokens, struct err *e)
{
    enum err_code code =
        stored_text_make(tokens, w->command->id, &w->command->text, e);

    return code == ERR_OK ? digest(w, tokens, e) : code;
}

static enum err_code complete_text(struct write *w,
                                   const struct json_tokens *tokens,
                                   struct bytes previous, struct err *e)
{
    struct json_tokens completed = {.count = 0};
    struct bytes text;
    enum err_code code;

    if (!is_subscription(w))
        return complete_with(w, tokens, e);
    code = subscription_write_complete(w, previous, &text, e);
    if (code == ERR_OK)
        code = json_gate_read(text, &completed, e);
    if (code == ERR_OK)
        code = complete_with(w, &completed, e);
    json_tokens_fini(&completed);
    return code;
}

/* What is wrong with the form of a Subscription or a topic does not hide what
 * is wrong with what it asks for. */
static enum err_code judge_text(struct write *w,
                                const struct json_tokens *tokens,
                                struct bytes previous, struct err *e)
{
    struct err second;
    enum err_code code = validation_judge(w, e);

    if (code == ERR_OK)
        return complete_text(w, tokens, previous, e);
    if (is_subscription(w) || topic_state_carries(w->type))
        (void)complete_text(w, tokens, previous, &second);
    return code;
}

static enum err_code prepare_text(struct write *w, struct bytes previous,
                                  struct err *e)
{
    struct json_tokens own = {.count = 0};
    enum err_code code = w->tokens ? ERR_OK : json_gate_read(w->body, &own, e);

    assert(!w->tokens || w->tokens->text.p == w->body.p);
    if (code == ERR_OK)
        code = judge_text(w, w->tokens ? w->tokens : &own, previous, e);
    json_tokens_fini(&own);
    return code;
}

enum err_code prepare_write(struct write *w, struct err *e)
{
    struct seen seen = {.version = 0};
    enum err_code code = new_command(w, e);

    if (code == ERR_OK && w->kind != COMMAND_CREATE)
        code = meet(w, &seen, e);
    if (code == ERR_OK && w->kind != COMMAND_DELETE)
        code = prepare_text(w, seen.text, e);
    return code;
}

enum err_code prepare_stored(const struct command *c, struct buf *out,
                             struct err *e)
{
    size_t n = stored_text_size(&c->text, c->result.version);
    char *at;

    buf_init(out, n);
    at = buf_extend(out, n);
    if (!at)
        return err_nomem(e);
    stored_text_fill(&c->text, c->result.version, c->result.time_ms, at);
    return ERR_OK;
}
