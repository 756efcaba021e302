#include "server/cli/receipts.h"

#include <cjson/cJSON.h>

#include <stdlib.h>

#define ID_BYTES 65

struct early {
    uint64_t number;
    struct chain_value digest;
};

/* One subscription: the chain as followed up to `number`. */
struct receipt {
    char id[ID_BYTES];
    uint64_t since;
    uint64_t number;
    struct chain_value value;
    bool fresh; /* no event was seen yet */
    struct early early[RECEIPTS_EARLY_MAX];
    size_t early_count;
};

struct receipts {
    struct signer *signer;
    const struct signature_key *key;
    struct receipt *items[RECEIPTS_MAX];
    size_t count;
};

/* What a bundle tells of the chain. */
struct told {
    struct bytes id;
    uint64_t since;
    uint64_t number;
    struct chain_value value;
};

enum err_code receipts_new(const struct signature_key *key,
                           struct receipts **out, struct err *e)
{
    struct receipts *r = calloc(1, sizeof *r);
    enum err_code code;

    *out = NULL;
    if (!r)
        return err_nomem(e);
    code = signer_new(&r->signer, e);
    if (code != ERR_OK) {
        free(r);
        return code;
    }
    r->key = key;
    *out = r;
    return ERR_OK;
}

void receipts_free(struct receipts *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++)
        free(r->items[i]);
    signer_free(r->signer);
    free(r);
}

/* ---- reading the bundle ---- */

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static struct bytes text_of(const cJSON *item)
{
    return cJSON_IsString(item) ? bytes_of(item->valuestring) : bytes_of("");
}

static const cJSON *named(const cJSON *list, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, list)
    {
        if (bytes_is(text_of(member(item, "name")), name))
            return item;
    }
    return NULL;
}

static struct bytes value(const cJSON *list, const char *name, const char *key)
{
    return text_of(member(named(list, name), key));
}

static bool number_of(struct bytes text, uint64_t *out)
{
    uint64_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        uint64_t digit = (uint64_t)(unsigned char)text.p[i] - '0';

        if (digit > 9 || n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return text.n > 0;
}

/* The last `count` segments of a reference. */
static struct bytes tail(struct bytes reference, unsigned count)
{
    for (size_t i = reference.n; i > 0; i--)
        if (reference.p[i - 1] == '/' && --count == 0)
            return bytes_from(reference, i);
    return reference;
}

static struct bytes reference(const cJSON *list, const char *name)
{
    return text_of(
        member(member(named(list, name), "valueReference"), "reference"));
}

static bool read_told(const cJSON *list, struct told *out)
{
    const cJSON *part = member(named(list, "event-chain"), "part");

    out->id = tail(reference(list, "subscription"), 1);
    return out->id.n > 0 && out->id.n < ID_BYTES &&
           number_of(value(part, "since", "valueString"), &out->since) &&
           number_of(value(part, "event-number", "valueString"),
                     &out->number) &&
           chain_parse(value(part, "value", "valueString"), &out->value);
}

/* ---- following the chain ---- */

static enum err_code begin(struct receipts *r, struct receipt *s,
                           uint64_t since, struct err *e)
{
    const struct chain_maker m = {r->signer, r->key, bytes_of(s->id)};

    s->since = s->number = since;
    s->early_count = 0;
    s->fresh = true;
    return chain_start(&m, since, &s->value, e);
}

/* *out is NULL when there are too many. */
static enum err_code find(struct receipts *r, const struct told *told,
                          struct receipt **out, struct err *e)
{
    struct receipt *s;

    for (size_t i = 0; i < r->count; i++) {
        *out = s = r->items[i];
        if (bytes_is(told->id, s->id))
            return s->since == told->since ? ERR_OK
                                           : begin(r, s, told->since, e);
    }
    *out = NULL;
    if (r->count == RECEIPTS_MAX)
        return ERR_OK;
    s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e);
    memcpy(s->id, told->id.p, told->id.n);
    *out = r->items[r->count++] = s;
    return begin(r, s, told->since, e);
}

static void hold(struct receipt *s, const struct early *event)
{
    for (size_t i = 0; i < s->early_count; i++)
        if (s->early[i].number == event->number)
            return;
    if (s->early_count < RECEIPTS_EARLY_MAX)
        s->early[s->early_count++] = *event;
}

/* Takes up what was held, as far as it follows. */
static enum err_code follow(struct signer *signer, struct receipt *s,
                            struct err *e)
{
    size_t i = 0;

    while (i < s->early_count) {
        const struct early next = s->early[i];

        if (next.number > s->number + 1) {
            i++;
            continue;
        }
        s->early[i] = s->early[--s->early_count];
        i = 0;
        if (next.number <= s->number)
            continue;
        if (chain_link(signer, &s->value, &next.digest, &s->value, e) != ERR_OK)
            return ERR_BUG;
        s->number = next.number;
        s->fresh = false;
    }
    return ERR_OK;
}

static bool digest_of(struct receipts *r, const struct receipt *s,
                      const cJSON *part, struct early *out)
{
    const struct chain_maker m = {r->signer, r->key, bytes_of(s->id)};
    struct bytes focus = tail(reference(part, "focus"), 2);
    struct chain_event event;
    struct err e;

    if (!number_of(value(part, "event-number", "valueString"), &out->number))
        return false;
    if (focus.n == 0)
        return chain_parse(value(part, "event-digest", "valueString"),
                           &out->digest);
    event.number = out->number;
    event.type = bytes_split(focus, '/', &event.id);
    return number_of(value(part, "focus-version", "valueId"), &event.version) &&
           chain_digest(&m, &event, &out->digest, &e) == ERR_OK;
}

static enum err_code take_events(struct receipts *r, struct receipt *s,
                                 const cJSON *list, struct err *e)
{
    enum err_code code = ERR_OK;
    const cJSON *item;

    cJSON_ArrayForEach(item, list)
    {
        struct early event;

        if (!bytes_is(text_of(member(item, "name")), "notification-event") ||
            !digest_of(r, s, member(item, "part"), &event) ||
            event.number <= s->number)
            continue;
        hold(s, &event);
        code = follow(r->signer, s, e);
        if (code != ERR_OK)
            return code;
    }
    return code;
}

/* ---- what it says ---- */

static uint64_t first_early(const struct receipt *s)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < s->early_count; i++)
        if (s->early[i].number < first)
            first = s->early[i].number;
    return first;
}

static void add_range(struct buf *out, const struct receipt *s, uint64_t last,
                      const char *what)
{
    buf_add_text(out, "  proof: events ");
    buf_add_u64(out, s->number + 1);
    buf_add_text(out, " to ");
    buf_add_u64(out, last);
    buf_add_text(out, what);
}

/* A receiver that begins late trusts the first value that it is told. */
static void begin_late(struct receipt *s, const struct told *told,
                       struct buf *out)
{
    add_range(out, s, first_early(s) - 1,
              " came before this receiver; the proof begins here\n");
    s->number = told->number;
    s->value = told->value;
    s->early_count = 0;
    s->fresh = false;
}

static void judge(struct receipt *s, const struct told *told, struct buf *out)
{
    if (told->number == s->number) {
        bool same = memcmp(&told->value, &s->value, sizeof s->value) == 0;

        buf_add_text(out, same ? "  proof: complete up to event "
                               : "  proof: DIFFERS from what the server "
                                 "recorded, at or before event ");
        buf_add_u64(out, s->number);
        buf_add_char(out, '\n');
    } else if (s->early_count > 0 && s->fresh) {
        begin_late(s, told, out);
    } else if (s->early_count > 0) {
        add_range(out, s, first_early(s) - 1, " are MISSING so far\n");
    } else if (told->number > s->number) {
        add_range(out, s, told->number, " are still to come\n");
    }
}

enum err_code receipts_take(struct receipts *r, struct bytes body,
                            struct buf *out, struct err *e)
{
    cJSON *bundle = cJSON_ParseWithLength(body.p, body.n);
    const cJSON *first = cJSON_GetArrayItem(member(bundle, "entry"), 0);
    const cJSON *list = member(member(first, "resource"), "parameter");
    struct receipt *s = NULL;
    struct told told;
    enum err_code code = bundle ? ERR_OK : err_nomem(e);

    if (code == ERR_OK && read_told(list, &told)) {
        code = find(r, &told, &s, e);
        if (code == ERR_OK && s)
            code = take_events(r, s, list, e);
        if (code == ERR_OK && s)
            judge(s, &told, out);
    }
    cJSON_Delete(bundle);
    return code;
}
