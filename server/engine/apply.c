#include "server/engine/apply.h"

#include <stdlib.h>

#include "fhir/search/values.h"
#include "server/engine/apply_control.h"
#include "server/engine/condition.h"
#include "server/engine/effects.h"
#include "server/engine/lazy_trees.h"
#include "server/engine/referrers.h"
#include "server/engine/topic_state.h"
#include "server/engine/index.h"
#include "storage/base/failpoint.h"

/* Bounds the values of one previous version; see SEARCH_VALUES_MAX. */
#define APPLY_SCRATCH_BYTES ((size_t)64 << 20)

/* One command on its way. */
struct work {
    struct batch *batch;
    struct command *command;
    struct arena scratch;
    struct current current;
    bool found;       /* any version, deleted or not */
    bool exists;      /* found and not deleted */
    bool is_examined; /* nothing is written yet */
    struct record_change change;
    struct search_values *previous; /* where something looks at it */
    struct lazy_trees trees;
    struct topic_state_change planned;
    struct topic_set *topics;    /* NULL: they stay as they are */
    struct record_event *events; /* heap */
    size_t event_capacity;
    struct referrers referrers;
};

static enum err_code refuse(struct command *c, enum err_code code,
                            const char *why)
{
    c->result.code = err_set(&c->result.err, code, "%s", why);
    return ERR_OK;
}

/* True when the command may go on; else its result says why not. */
static bool preconditions_hold(struct work *w)
{
    struct command *c = w->command;
    uint64_t version = w->exists ? w->current.version : 0;

    if (c->if_match != 0 && c->if_match != version) {
        c->result.code = err_set(
            &c->result.err, ERR_PRECONDITION,
            w->exists ? "If-Match names version %llu, the current version is "
                        "%llu"
                      : "If-Match names version %llu, the resource does not "
                        "exist (%llu)",
            (unsigned long long)c->if_match, (unsigned long long)version);
        return false;
    }
    if (c->prepared_upon != UINT64_MAX && c->prepared_upon != version) {
        (void)refuse(c, ERR_STALE, "the resource changed in the meantime");
        return false;
    }
    return true;
}

static enum err_code load_current(struct work *w, struct err *e)
{
    struct command *c = w->command;
    enum err_code code;

    if (c->kind == COMMAND_CREATE)
        return ERR_OK; /* the id was drawn at random */
    code = batch_current(w->batch, c->type, c->id, &w->current, e);
    w->found = code == ERR_OK;
    w->exists = w->found && !w->current.deleted;
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

/* A damaged version fails the command alone, as its result says then. */
static enum err_code contain(struct command *c, enum err_code code,
                             const struct err *e)
{
    if (code != ERR_FORMAT && code != ERR_TOO_LARGE)
        return code;
    c->result.code = ERR_FORMAT;
    c->result.err = *e;
    c->result.err.code = ERR_FORMAT;
    return ERR_OK;
}

static struct index_source index_source_of(const struct work *w)
{
    return (struct index_source){.txn = w->batch->txn,
                                 .change = &w->change,
                                 .prepared = w->command->index,
                                 .values = w->command->values,
                                 .before = w->previous};
}

/* Values of the version before, for what looks at it. */
static enum err_code
load_previous(struct work *w, const struct record_change *before, struct err *e)
{
    const struct index_source keys = index_source_of(w);
    enum err_code code;

    if (before->text.n == 0)
        return ERR_OK;
    /* an examination only asks whether it can be read */
    if (w->is_examined && index_is_prepared(&keys))
        return ERR_OK;
    code = search_values_read(before->text, w->batch->state->base_url,
                              &w->scratch, &w->previous, e);
    if (code == ERR_OK)
        search_values_stamp(w->previous, before->time_ms);
    w->trees.before = before->text;
    return code;
}

/* The current version, before anything is staged. */
static enum err_code read_before(struct work *w, struct err *e)
{
    struct record_change before = {0};
    struct bytes record;
    enum err_code code =
        store_log_get(w->batch->txn, w->current.change, &record, e);

    if (code == ERR_OK)
        code = record_change_read(record, &before, e);
    else if (code == ERR_NOT_FOUND)
        code = err_set(e, ERR_FORMAT, "the log lacks the current version");
    if (code == ERR_OK)
        code = load_previous(w, &before, e);
    return contain(w->command, code, e);
}

static bool counts_events(const struct batch *b, const struct sub *s,
                          const struct sub_state *now)
{
    const struct sub_rare rare = batch_rare_of(s);

    /* a backfill comes to the change by itself */
    return now->status != STATUS_OFF && rare.backfill == BACKFILL_NONE &&
           (rare.end_ms == 0 || b->time_ms < rare.end_ms);
}

static enum err_code make_room(struct work *w, struct err *e)
{
    struct record_event *grown;

    if (w->change.event_count < w->event_capacity)
        return ERR_OK;
    w->event_capacity = w->event_capacity ? 4 * w->event_capacity : 16;
    grown = realloc(w->events, w->event_capacity * sizeof *grown);
    if (!grown)
        return err_nomem(e);
    w->events = grown;
    return ERR_OK;
}

static enum err_code add_event(void *ctx, struct sub *s, struct err *e)
{
    struct work *w = ctx;
    char id[SUB_ID_BYTES];
    const struct sub_state *now = s->staged ? &s->staged->state : &s->state;
    const struct proof p = {w->batch->state->signer, form_secret(s->form),
                            sub_id(s, id)};
    const struct chain_event event = {now->last_event + 1, w->change.type,
                                      w->change.id, w->change.version};
    struct record_event *out;
    enum err_code code;

    if (!counts_events(w->batch, s, now))
        return ERR_OK;
    code = make_room(w, e);
    if (code != ERR_OK)
        return code;
    referrers_note(&w->referrers, s->form->shape->topic, w->change.type);
    out = &w->events[w->change.event_count++];
    *out = (struct record_event){.subscription = s->number,
                                 .number = event.number};
    return proof_extend(&p, &now->chain, &event, &out->chain, e);
}

/* Subscriptions carry secrets, and their server-side changes would feed back:
 * no topic ever fires on them. A SubscriptionTopic is no resource of R4 that a
 * topic could be for. */
static bool is_matched(const struct command *c)
{
    return !bytes_is(c->type, "Subscription") &&
           !bytes_is(c->type, "SubscriptionTopic");
}

static bool match_looks_back(const struct work *w)
{
    return matcher_needs_previous(w->batch->state->matcher, w->command->type,
                                  w->change.interaction);
}

static enum err_code match(struct work *w, struct err *e)
{
    struct command *c = w->command;
    struct matcher *m = w->batch->state->matcher;
    struct change_view view = {.interaction = w->change.interaction,
                               .resource_type = c->type,
                               .current = c->values};
    const struct matcher_receiver receiver = {add_event, w};
    enum err_code code;

    if (!is_matched(c))
        return ERR_OK;
    if (match_looks_back(w))
        view.previous = w->previous;
    else if (view.interaction == INTERACTION_DELETE)
        return ERR_OK;
    if (c->kind != COMMAND_DELETE)
        w->trees.after = &c->text;
    w->trees.version = w->change.version;
    if (c->values)
        search_values_stamp(c->values, c->time_ms);
    view.trees = &w->trees.trees;
    code = matcher_match(m, &view, &receiver, e);
    return code == ERR_OK && w->trees.failed != ERR_OK ? err_nomem(e) : code;
}

/* What the notifications will tell of the focus, as of now. */
static enum err_code surround(struct work *w, const struct search_values *focus,
                              struct err *e)
{
    const struct referrers_focus f = {w->change.type, w->change.id, focus};

    return referrers_find(&w->referrers, &f, &w->change.surround, e);
}

static enum err_code append(struct work *w, struct err *e)
{
    struct batch *b = w->batch;
    struct command *c = w->command;
    size_t n = record_change_size(&w->change);
    char *out, *text;
    enum err_code code = store_log_append(b->txn, b->change + 1, n, &out, e);

    if (code != ERR_OK)
        return code;
    text = record_change_write(&w->change, w->events, out);
    if (c->kind == COMMAND_EVENT && c->event_context.n)
        memcpy(text, c->event_context.p, c->event_context.n);
    else if (c->kind != COMMAND_DELETE && c->kind != COMMAND_EVENT)
        stored_text_fill(&c->text, w->change.version, c->time_ms, text);
    record_seal(out, n);
    FAILPOINT("after-append");
    b->change++;
    b->records++;
    return ERR_OK;
}

static enum err_code stage_subscription(struct work *w, struct err *e)
{
    struct batch *b = w->batch;
    struct command *c = w->command;
    struct definition *definition;
    struct effects_definition d = {.definition = &definition};

    if (c->kind == COMMAND_DELETE)
        return effects_subscription_deleted(b, b->change, c->id, e);
    d.off = c->subscription->off;
    definition = definition_new(&c->subscription);
    if (!definition)
        return err_nomem(e);
    return effects_subscription(b, b->change, &w->change, &d, e);
}

/* Subscriptions that the topic's change leaves unfit: their end is in the log,
 * so that a replay needs no files to know of it. */
static enum err_code stage_topics(struct work *w, struct err *e)
{
    struct batch *b = w->batch;
    struct topic_state_unfit unfit = {.count = 0};
    const struct topic_state_staging staging = {b->change, b->txn, &unfit};
    enum err_code code =
        topic_state_stage(b, &staging, &w->planned, &w->topics, e);

    if (code == ERR_OK && unfit.count > 0)
        code = apply_reports(b, unfit.reports, unfit.count, e);
    free(unfit.reports);
    return code;
}

static enum err_code stage(struct work *w, struct err *e)
{
    struct batch *b = w->batch;
    const struct index_source keys = index_source_of(w);
    enum err_code code = effects_views(b, b->change, &w->change, e);

    if (code == ERR_OK)
        code = index_stage(b, &keys, e);
    for (size_t i = 0; code == ERR_OK && i < w->change.event_count; i++)
        code = effects_event(b, b->change, w->events[i], e);
    if (code == ERR_OK && bytes_is(w->command->type, "Subscription"))
        code = stage_subscription(w, e);
    if (code == ERR_OK && w->topics)
        code = stage_topics(w, e);
    return code;
}

/* The topics that the command would make, or why it is refused. To lack memory
 * is no fault of the command: it fails the batch, never a part alone. */
static enum err_code plan_topics(struct work *w, struct err *e)
{
    struct command *c = w->command;
    enum err_code code = ERR_OK;

    w->planned = (struct topic_state_change){c->type, c->id, c->topic};
    if (c->kind == COMMAND_DELETE || c->topic)
        code = topic_state_check(w->batch, &w->planned, w->exists, e);
    if (code == ERR_OK)
        code = topic_state_plan(w->batch, &w->planned, &w->topics, e);
    if (code == ERR_OK || code == ERR_NOMEM)
        return code;
    c->result.code = code;
    c->result.err = *e;
    return ERR_OK;
}

/* It was read under topics that may be others by now. */
static bool is_outdated(const struct work *w)
{
    const struct subscription *s = w->command->subscription;

    return s && s->topic &&
           topic_set_find(topic_state_of(w->batch), bytes_of(s->canonical)) !=
               s->topic;
}

/* Its result says when it is refused. */
static enum err_code admit(struct work *w, struct err *e)
{
    bool holds = true;
    enum err_code code;

    if (!preconditions_hold(w))
        return ERR_OK;
    code = contain(w->command, condition_check(w->batch, w->command, &holds, e),
                   e);
    if (code != ERR_OK || w->command->result.code != ERR_OK)
        return code;
    if (!holds)
        return refuse(w->command, ERR_STALE,
                      "what the criteria find changed in the meantime");
    if (is_outdated(w))
        return refuse(w->command, ERR_STALE,
                      "the topics changed in the meantime");
    return plan_topics(w, e);
}

static void describe(struct work *w)
{
    struct command *c = w->command;

    w->change = (struct record_change){
        .interaction = c->kind == COMMAND_DELETE ? INTERACTION_DELETE
                       : w->exists               ? INTERACTION_UPDATE
                                                 : INTERACTION_CREATE,
        .update_as_create = c->kind == COMMAND_UPDATE && !w->exists,
        .time_ms = c->time_ms,
        .version = (w->found ? w->current.version : 0) + 1,
        .previous = w->found ? w->current.change : 0,
        .chained = true,
        .type = c->type,
        .id = c->id};
    if (c->kind != COMMAND_DELETE)
        w->change.text.n = stored_text_size(&c->text, w->change.version);
}

/* How many parts of the transaction will be changes behind this one, up to a
 * topic's, whose reports come between. */
static enum err_code count_behind(struct work *w, struct err *e)
{
    struct current current = {0};
    enum err_code code = ERR_OK;

    for (const struct command *c = w->referrers.later; c; c = c->next) {
        if (topic_state_carries(w->command->type) ||
            topic_state_carries(c->type) || w->change.behind == UINT16_MAX)
            return ERR_OK;
        if (c->kind == COMMAND_DELETE) {
            code = batch_current(w->batch, c->type, c->id, &current, e);
            if (code != ERR_OK && code != ERR_NOT_FOUND)
                return code;
        }
        if (c->kind != COMMAND_DELETE || (code == ERR_OK && !current.deleted))
            w->change.behind++;
    }
    return ERR_OK;
}

/* What the change will be. Its result says when it cannot be. */
static enum err_code plan(struct work *w, struct err *e)
{
    struct index_source keys;
    enum err_code code;

    describe(w);
    code = count_behind(w, e);
    if (code != ERR_OK)
        return code;
    keys = index_source_of(w);
    if ((is_matched(w->command) && match_looks_back(w)) ||
        index_looks_back(w->batch, &keys))
        return read_before(w, e);
    return ERR_OK;
}

/* R4B SubscriptionTopic.eventTrigger: an event that no change of data shows.
 * It is numbered and told like any other, with its focus as it is now. */
static enum err_code perform_event(struct work *w, struct err *e)
{
    struct batch *b = w->batch;
    struct command *c = w->command;
    const struct topic_report report = {c->topic, c->event_system,
                                        c->event_code};
    struct change_view view = {.interaction = INTERACTION_EVENT,
                               .resource_type = c->type,
                               .report = &report};
    const struct matcher_receiver receiver = {add_event, w};
    enum err_code code = load_current(w, e);

    if (code != ERR_OK)
        return code;
    if (!w->exists)
        return refuse(c, ERR_UNPROCESSABLE, "the focus does not exist");
    if (topic_set_find(topic_state_of(b), bytes_of(topic_url(c->topic))) !=
        c->topic)
        return refuse(c, ERR_CONFLICT, "the topic changed in the meantime");
    w->change = (struct record_change){.interaction = INTERACTION_EVENT,
                                       .time_ms = c->time_ms,
                                       .version = w->current.version,
                                       .previous = w->current.change,
                                       .chained = true,
                                       .type = c->type,
                                       .id = c->id};
    w->change.text.n = c->event_context.n;
    code = read_before(w, e);
    if (code != ERR_OK || c->result.code != ERR_OK)
        return code;
    view.current = w->previous;
    code = matcher_match(b->state->matcher, &view, &receiver, e);
    if (code == ERR_OK)
        code = surround(w, w->previous, e);
    if (code == ERR_OK)
        code = append(w, e);
    for (size_t i = 0; code == ERR_OK && i < w->change.event_count; i++)
        code = effects_event(b, b->change, w->events[i], e);
    c->result.time_ms = c->time_ms;
    c->result.events = w->change.event_count;
    return code;
}

static enum err_code perform(struct work *w, struct err *e)
{
    struct command *c = w->command;
    enum err_code code;

    if (c->values)
        matcher_expect(w->batch->state->matcher, c->type, c->values);
    code = load_current(w, e);
    if (code == ERR_OK)
        code = admit(w, e);
    if (code != ERR_OK || c->result.code != ERR_OK ||
        (c->kind == COMMAND_DELETE && !w->exists))
        return code;
    code = plan(w, e);
    if (code != ERR_OK || c->result.code != ERR_OK)
        return code;
    code = match(w, e);
    if (code == ERR_OK && c->kind != COMMAND_DELETE)
        code = surround(w, c->values, e);
    if (code == ERR_OK)
        code = append(w, e);
    if (code == ERR_OK)
        code = stage(w, e);
    if (code != ERR_OK)
        return code;
    c->result.version = w->change.version;
    c->result.time_ms = c->time_ms;
    c->result.created = w->change.interaction == INTERACTION_CREATE;
    c->result.existed = w->exists;
    return ERR_OK;
}

/* What the parts of a group do to the topics and to who goes by them. */
struct mixture {
    size_t topics;
    size_t subscriptions;
};

/* A topic's change beside another or beside a Subscription would make one part
 * depend on the other. */
static void refuse_mixture(struct command *c, struct mixture *m,
                           bool changes_topics)
{
    m->topics += changes_topics;
    m->subscriptions +=
        c->kind != COMMAND_DELETE && bytes_is(c->type, "Subscription");
    if (m->topics > 0 && m->topics + m->subscriptions > 1)
        (void)refuse(c, ERR_UNPROCESSABLE,
                     "a SubscriptionTopic goes with no other one, and with no "
                     "Subscription, in one transaction");
}

/* Whether the command would be refused, as its result says then. */
static enum err_code examine(struct batch *b, struct command *c,
                             struct mixture *m, struct err *e)
{
    struct work w = {.batch = b, .command = c, .is_examined = true};
    enum err_code code = load_current(&w, e);

    arena_init(&w.scratch, APPLY_SCRATCH_BYTES);
    c->result = (struct command_result){.code = ERR_OK};
    if (code == ERR_OK)
        code = admit(&w, e);
    if (code == ERR_OK && c->result.code == ERR_OK) {
        refuse_mixture(c, m, w.topics != NULL);
        if (c->result.code == ERR_OK && (c->kind != COMMAND_DELETE || w.exists))
            code = plan(&w, e);
    }
    arena_fini(&w.scratch);
    topic_set_unref(w.topics);
    return code;
}

/* later: the parts of its transaction behind it. */
static enum err_code apply_one(struct batch *b, struct command *c,
                               const struct command *later, struct err *e)
{
    struct work w = {.batch = b, .command = c};
    enum err_code code;

    if (c->kind == COMMAND_CONTROL)
        return apply_control(b, c, e);
    c->result = (struct command_result){.code = ERR_OK};
    arena_init(&w.scratch, APPLY_SCRATCH_BYTES);
    referrers_init(&w.referrers, b, later);
    lazy_trees_init(&w.trees, c->time_ms);
    code = c->kind == COMMAND_EVENT ? perform_event(&w, e) : perform(&w, e);
    lazy_trees_fini(&w.trees);
    referrers_fini(&w.referrers);
    arena_fini(&w.scratch);
    topic_set_unref(w.topics);
    free(w.events);
    return code;
}

/* All parts of a transaction are examined before the first is applied: what
 * could still fail then fails the whole batch of the writer. */
static enum err_code examine_group(struct batch *b, struct command *group,
                                   struct err *e)
{
    struct mixture mixture = {0};

    for (struct command *c = group->parts; c; c = c->next) {
        enum err_code code = examine(b, c, &mixture, e);

        if (code != ERR_OK)
            return code;
        if (c->result.code != ERR_OK) {
            group->result = c->result;
            group->result.culprit = c;
            return ERR_OK;
        }
    }
    return ERR_OK;
}

static enum err_code apply_group(struct batch *b, struct command *group,
                                 struct err *e)
{
    enum err_code code = ERR_OK;

    group->result = (struct command_result){.time_ms = group->time_ms};
    for (struct command *c = group->parts; c; c = c->next)
        c->time_ms = group->time_ms;
    if (!group->each_alone)
        code = examine_group(b, group, e);
    if (code != ERR_OK || group->result.code != ERR_OK)
        return code;
    for (struct command *c = group->parts; c && code == ERR_OK; c = c->next) {
        code = apply_one(b, c, group->each_alone ? NULL : c->next, e);
        if (code == ERR_OK && !group->each_alone && c->result.code != ERR_OK) {
            *e = c->result.err; /* never half of a transaction */
            code = c->result.code;
        }
    }
    return code;
}

enum err_code apply_command(struct batch *b, struct command *c, struct err *e)
{
    return c->kind == COMMAND_GROUP ? apply_group(b, c, e)
                                    : apply_one(b, c, NULL, e);
}

/* A late report repeats what another has settled. */
static bool is_new_letter(const struct sub_change *c, const struct report *r)
{
    if (r->kind == REPORT_PARKED)
        return r->event > c->state.delivered;
    return c->rare && c->rare->resend_count > 0 &&
           c->rare->resend[0].first == r->first;
}

/* Dead letters are numbered before the record is written, so that a replay
 * gives each the same number whatever the state that it starts from. */
static enum err_code number_letters(struct batch *b, struct report *reports,
                                    size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct report *r = &reports[i];
        struct sub *s = NULL;
        struct sub_rare *rare;
        struct sub_change *c;

        r->letter = 0;
        if (r->kind == REPORT_PARKED || r->kind == REPORT_REPARKED)
            s = batch_find(b, r->subscription);
        if (!s)
            continue;
        c = batch_touch(b, s);
        if (!c)
            return err_nomem(e);
        rare = batch_rare(c);
        if (!rare)
            return err_nomem(e);
        if (is_new_letter(c, r))
            r->letter = ++rare->parked;
    }
    return ERR_OK;
}

enum err_code apply_reports(struct batch *b, struct report *reports, size_t n,
                            struct err *e)
{
    char *out = NULL;
    enum err_code code = number_letters(b, reports, n, e);

    if (code == ERR_OK)
        code = store_log_append(b->txn, b->change + 1,
                                record_reports_size(reports, n), &out, e);
    if (code != ERR_OK)
        return code;
    record_reports_write(reports, n, b->time_ms, out);
    b->change++;
    b->records++;
    for (size_t i = 0; code == ERR_OK && i < n; i++)
        code = effects_report(b, b->change, &reports[i], e);
    return code;
}
