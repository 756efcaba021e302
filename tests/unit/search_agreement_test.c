/* What a search finds through the index is what the query matches in memory:
 * random resources, random changes, random queries, whatever the index is made
 * of at the moment: overlay, merged pages, a replayed log, or made anew. */
#include "tests/unit/engine_rig.h"

#include "fhir/search/index_plan.h"
#include "server/engine/search.h"

#define IDS 24
#define ROUND_GROUPS 3
#define GROUP 16
#define ROUND_QUERIES 60
#define STEP 5
#define TEXT_BYTES 2048
#define ARENA_BYTES ((size_t)4 << 20)

static uint64_t draw_state = 0x9e3779b97f4a7c15u;

static unsigned draw(unsigned n)
{
    draw_state ^= draw_state << 13;
    draw_state ^= draw_state >> 7;
    draw_state ^= draw_state << 17;
    return (unsigned)(draw_state >> 33) % n;
}

/* --- what there is: the texts by type and id --- */

struct model {
    struct rig *rig;
    char text[2][IDS][TEXT_BYTES]; /* "" for none */
    int64_t written_ms[2][IDS];
};

static const char *const types[] = {"Patient", "Observation"};

static const char *word(void)
{
    static const char *const words[] = {
        "M\xc3\xbcller", "muller", "Meier",      "MEIER-Huber", "O'Neil",
        "a,b",           "x$y",    "Zo\xc3\xab", "\xc3\x89mile"};

    return words[draw(sizeof words / sizeof *words)];
}

static void write_patient(char *out, const char *id)
{
    int n = snprintf(
        out, TEXT_BYTES,
        "{\"resourceType\":\"Patient\",\"id\":\"%s\",%s"
        "\"name\":[{\"family\":\"%s\",\"given\":[\"%s\",\"%s\"]}],"
        "\"identifier\":[{\"system\":\"urn:%u\",\"value\":\"%u\"%s}],"
        "\"gender\":\"%s\",\"birthDate\":\"19%02u%s\","
        "\"managingOrganization\":{\"reference\":\"%sOrganization/%u\"},"
        "\"generalPractitioner\":[{\"identifier\":{\"system\":\"urn:n\","
        "\"value\":\"%u\"}}],"
        "\"meta\":{\"tag\":[{\"system\":\"t\",\"code\":\"c%u\"}],"
        "\"profile\":[\"http://p/%u\"]}}",
        id, draw(2) ? "\"active\":true," : "", word(), word(), word(), draw(2),
        draw(6),
        draw(2) ? ",\"type\":{\"coding\":[{\"system\":\"t\",\"code\":\"MR\"}]}"
                : "",
        draw(2) ? "female" : "male", 50 + draw(40),
        draw(3)   ? "-03-04"
        : draw(2) ? "-03"
                  : "",
        draw(2) ? RIG_BASE "/" : "", draw(4), draw(3), draw(3), draw(3));

    assert_true(n > 0 && n < TEXT_BYTES);
}

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define UCUM "http://unitsofmeasure.org"

static void write_ucum(char *out, size_t n)
{
    static const char *const codes[] = {"mg", "g",  "ug",  "cm",
                                        "m",  "/m", "{x}", "none"};
    static const char *const comparators[] = {"<", "<=", ">", ">="};
    char comparator[24] = "";
    unsigned whole = draw(6);

    if (draw(3) == 0)
        (void)snprintf(comparator, sizeof comparator, "\"comparator\":\"%s\",",
                       comparators[draw(COUNT(comparators))]);
    (void)snprintf(out, n,
                   "\"valueQuantity\":{\"value\":%u%s,%s"
                   "\"system\":\"" UCUM "\",\"code\":\"%s\"},",
                   whole, whole > 0 && draw(2) ? "000" : ".5", comparator,
                   codes[draw(COUNT(codes))]);
}

static void write_observation(char *out, const char *id)
{
    char value[200] = "", when[200] = "";
    int n;

    switch (draw(5)) {
    case 0:
        (void)snprintf(value, sizeof value,
                       "\"valueQuantity\":{\"value\":%u.%u,\"unit\":\"mg\"%s},",
                       draw(5), draw(10),
                       draw(3) ? "" : ",\"comparator\":\"<\"");
        break;
    case 1:
        (void)snprintf(value, sizeof value, "\"valueString\":\"%s\",", word());
        break;
    case 2:
        (void)snprintf(value, sizeof value,
                       "\"valueCodeableConcept\":{\"coding\":[{\"code\":\"v%u"
                       "\"}],\"text\":\"%s\"},",
                       draw(3), word());
        break;
    case 3:
        write_ucum(value, sizeof value);
        break;
    default:
        break;
    }
    switch (draw(4)) {
    case 0:
        (void)snprintf(when, sizeof when,
                       "\"effectiveDateTime\":\"2024-0%u-1%uT10:00:00Z\",",
                       1 + draw(6), draw(9));
        break;
    case 1:
        (void)snprintf(when, sizeof when, "\"effectiveDateTime\":\"2024-0%u\",",
                       1 + draw(6));
        break;
    case 2:
        (void)snprintf(when, sizeof when,
                       "\"effectivePeriod\":{\"start\":\"2024-0%u\"%s},",
                       1 + draw(6), draw(2) ? "" : ",\"end\":\"2024-08\"");
        break;
    default:
        break;
    }
    n = snprintf(
        out, TEXT_BYTES,
        "{\"resourceType\":\"Observation\",\"id\":\"%s\",%s%s"
        "\"status\":\"%s\",\"code\":{\"coding\":[{\"system\":\"s%u\",\"code\":"
        "\"c%u\"}]},\"subject\":{\"reference\":\"%s/%u\"},"
        "\"component\":[{\"code\":{\"coding\":[{\"code\":\"c%u\"}]},"
        "\"valueQuantity\":{\"value\":%u}}]}",
        id, value, when, draw(2) ? "final" : "amended", draw(2), draw(4),
        draw(4) ? "Patient" : "Group", draw(5), draw(4), draw(5));
    assert_true(n > 0 && n < TEXT_BYTES);
}

static void sent(struct command *c)
{
    assert_int_equal(c->result.code, ERR_OK);
    rig_done(c);
    command_free(c);
}

static void send(struct rig *r, struct command *c)
{
    struct err e;

    c->done = sent;
    (void)pthread_mutex_lock(&r->m);
    r->open++;
    (void)pthread_mutex_unlock(&r->m);
    assert_int_equal(engine_submit(r->engine, c, &e), ERR_OK);
}

static void change(struct model *m)
{
    unsigned type = draw(2), id = draw(IDS);
    bool gone = draw(4) == 0;
    char name[16], *text = m->text[type][id];
    struct command *c;

    assert_true(snprintf(name, sizeof name, "r-%u", id * 7) > 0);
    c = rig_command(m->rig, gone ? COMMAND_DELETE : COMMAND_UPDATE, types[type],
                    name);
    text[0] = '\0';
    if (!gone) {
        if (type == 0)
            write_patient(text, name);
        else
            write_observation(text, name);
        rig_text(c, text);
    }
    m->written_ms[type][id] = atomic_load(&m->rig->now_ms);
    send(m->rig, c);
}

/* Several in one batch, at one time: some of the same resource, so that what
 * was prepared for one is out of date when it is applied. */
static void change_some(struct model *m)
{
    struct rig *r = m->rig;

    atomic_fetch_add(&r->now_ms, 1 + draw(3) * 40000000);
    for (int i = 0; i < GROUP; i++)
        change(m);
    (void)pthread_mutex_lock(&r->m);
    while (r->open > 0)
        (void)pthread_cond_wait(&r->answered, &r->m);
    (void)pthread_mutex_unlock(&r->m);
}

/* --- queries --- */

/* %u is a small number, %s a word, %% as it is. */
static const char *const patient_queries[] = {
    "name=%s",
    "name:contains=%s",
    "name:exact=%s",
    "family=%s",
    "given=%s,%s",
    "identifier=%u",
    "identifier=urn:1|%u",
    "identifier=urn:1|",
    "identifier:of-type=t|MR|%u",
    "identifier:not=%u",
    "gender=female",
    "gender:not=female",
    "active:missing=true",
    "birthdate=196%u",
    "birthdate=ge196%u",
    "birthdate=lt197%u-03",
    "birthdate=ne1960,gt1980",
    "birthdate=sa196%u-03-04",
    "birthdate=eb197%u-03",
    "birthdate=ap19%u5",
    "organization=%u",
    "organization=Organization/%u",
    "organization=" RIG_BASE "/Organization/%u",
    "organization:Organization=%u",
    "general-practitioner:identifier=urn:n|%u",
    "general-practitioner:identifier=%u",
    "_tag=t|c%u",
    "_tag:not=c%u",
    "_profile=http://p/%u",
    "_profile:below=http://p",
    "_id=r-%u,r-14,r-21",
    "_lastUpdated=ge2023-11-1%u",
    "_lastUpdated=lt2023-11-2%u",
};

static const char *const observation_queries[] = {
    "status=final",
    "code=c%u",
    "code=s1|c%u",
    "code:not=c%u",
    "combo-code=c%u",
    "component-code=c%u",
    "subject=Patient/%u",
    "subject:Group=%u",
    "patient=%u",
    "patient=%u,%u",
    "date=2024-0%u",
    "date=ge2024-0%u",
    "date=le2024-0%u-15",
    "date=gt2024-0%u-15",
    "date=lt2024-0%u",
    "date=sa2024-0%u",
    "date=eb2024-0%u",
    "date=ne2024-0%u",
    "date=ap2024-0%u",
    "date:missing=true",
    "value-quantity=%u",
    "value-quantity=%u.5||mg",
    "value-quantity=gt%u",
    "value-quantity=ge%u.5",
    "value-quantity=lt%u",
    "value-quantity=le%u",
    "value-quantity=sa%u",
    "value-quantity=eb%u",
    "value-quantity=ne%u",
    "value-quantity=ap%u",
    "value-quantity=%u|" UCUM "|g",
    "value-quantity=%u000|" UCUM "|mg",
    "value-quantity=gt%u|" UCUM "|g",
    "value-quantity=ge%u.5|" UCUM "|g",
    "value-quantity=lt%u000000|" UCUM "|ug",
    "value-quantity=le%u|" UCUM "|g,lt%u|" UCUM "|cm",
    "value-quantity=sa%u|" UCUM "|m",
    "value-quantity=eb%u|" UCUM "|m",
    "value-quantity=ne%u|" UCUM "|kg",
    "value-quantity=ap%u|" UCUM "|dm",
    "value-quantity=gt%u|" UCUM "|{x}",
    "combo-value-quantity=gt%u|" UCUM "|dg",
    "combo-value-quantity=%u",
    "component-value-quantity=gt%u",
    "value-string=%s",
    "value-string:contains=%s",
    "value-concept=v%u",
    "value-concept:text=%s",
    "code-value-quantity=c%u$gt2",
    "component-code-value-quantity=c%u$%u",
    "combo-code-value-quantity=c%u$le3",
    "code-value-quantity=c%u$gt2|" UCUM "|g",
    "code-value-string=c%u$%s",
    "code-value-concept=c%u$v1,c1$v2",
};

static void add_escaped(char *out, size_t *n, const char *text)
{
    for (; *text; text++) {
        if (strchr(",$|\\", *text))
            out[(*n)++] = '\\';
        out[(*n)++] = *text;
    }
}

static void fill(const char *pattern, char out[256])
{
    size_t n = 0;

    for (; *pattern; pattern++) {
        if (pattern[0] != '%') {
            out[n++] = pattern[0];
            continue;
        }
        pattern++;
        if (pattern[0] == 'u')
            out[n++] = (char)('1' + draw(5));
        else
            add_escaped(out, &n, word());
    }
    out[n] = '\0';
}

static size_t draw_query(unsigned type, char texts[3][256],
                         struct query_parameter parameters[3])
{
    size_t n = 1 + draw(2);

    for (size_t i = 0; i < n; i++) {
        char *value;

        fill(type == 0 ? patient_queries[draw(COUNT(patient_queries))]
                       : observation_queries[draw(COUNT(observation_queries))],
             texts[i]);
        value = strchr(texts[i], '=');
        assert_non_null(value);
        parameters[i] = (struct query_parameter){
            bytes_make(texts[i], (size_t)(value - texts[i])),
            bytes_of(value + 1)};
    }
    return n;
}

/* --- both ways --- */

static bool is_match(const struct query *q, struct bytes text, int64_t time_ms)
{
    struct search_values *v;
    struct arena arena;
    struct err e;
    bool result;

    arena_init(&arena, ARENA_BYTES);
    assert_int_equal(
        search_values_read(text, bytes_of(RIG_BASE), &arena, &v, &e), ERR_OK);
    search_values_stamp(v, time_ms);
    result = query_matches(q, v);
    arena_fini(&arena);
    return result;
}

struct found {
    const struct query *query;
    bool ids[IDS];
    char last[16];
};

static bool collect(void *ctx, const struct search_candidate *c)
{
    struct found *f = ctx;
    char id[16];

    assert_true(c->id.n < sizeof id);
    memcpy(id, c->id.p, c->id.n);
    id[c->id.n] = '\0';
    assert_true(strcmp(id, f->last) > 0); /* in order, each once */
    memcpy(f->last, id, sizeof id);
    if (is_match(f->query, c->text, c->time_ms))
        f->ids[strtoul(id + 2, NULL, 10) / 7] = true;
    return true;
}

static void search(struct model *m, unsigned type, const struct index_plan *p,
                   size_t n, struct found *f)
{
    struct arena arena;
    struct search_step s = {.more = true};
    struct bytes after = {NULL, 0};
    struct err e = {0};

    arena_init(&arena, ARENA_BYTES);
    while (s.more) {
        s = (struct search_step){.type = bytes_of(types[type]),
                                 .plans = p,
                                 .plan_count = n,
                                 .after = after,
                                 .max = STEP,
                                 .each = collect,
                                 .ctx = f,
                                 .arena = &arena};
        if (engine_search(m->rig->engine, &s, &e) != ERR_OK)
            fail_msg("%s", e.message);
        after = s.last;
    }
    arena_fini(&arena);
}

static void compare(struct model *m, unsigned type, const struct found *f,
                    const char *text, const char *way)
{
    for (unsigned i = 0; i < IDS; i++) {
        const char *resource = m->text[type][i];
        bool expected = resource[0] && is_match(f->query, bytes_of(resource),
                                                m->written_ms[type][i]);

        if (expected != f->ids[i])
            fail_msg("%s?%s, %s: r-%u is %sfound: %s", types[type], text, way,
                     i * 7, f->ids[i] ? "" : "not ", resource);
    }
}

static void try_query(struct model *m)
{
    unsigned type = draw(2);
    char texts[3][256];
    struct query_parameter parameters[3];
    struct query_search s = {.resource_type = bytes_of(types[type]),
                             .base_url = bytes_of(RIG_BASE),
                             .now_ms = RIG_START_MS,
                             .parameters = parameters,
                             .count = draw_query(type, texts, parameters)};
    struct found f = {0};
    struct index_plan *plans;
    struct arena arena;
    struct query *q;
    struct err e = {0};
    size_t n;

    if (query_compile_search(&s, &q, &e) != ERR_OK)
        fail_msg("%s: %s", texts[0], e.message);
    arena_init(&arena, ARENA_BYTES);
    assert_int_equal(index_plans(q, &arena, &plans, &n, &e), ERR_OK);
    f.query = q;
    search(m, type, plans, n, &f);
    compare(m, type, &f, texts[0], "all plans");
    for (size_t i = 0; i < n; i++) {
        f = (struct found){.query = q};
        search(m, type, &plans[i], 1, &f);
        compare(m, type, &f, texts[0], "one plan");
    }
    query_free(q);
    arena_fini(&arena);
}

static void run_round(struct model *m)
{
    for (int i = 0; i < ROUND_GROUPS; i++)
        change_some(m);
    for (int i = 0; i < ROUND_QUERIES; i++)
        try_query(m);
}

static void search_and_match_agree(void **state)
{
    struct model *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->rig = *state;
    run_round(m);
    (void)usleep(400000); /* from here on from merged views as well */
    run_round(m);
    rig_restart(m->rig);
    run_round(m);
    (void)usleep(400000);
    rig_restart(m->rig);
    for (int i = 0; i < ROUND_QUERIES; i++)
        try_query(m);
    free(m);
}

static void restart_with(struct rig *r, const char *index)
{
    struct engine_config config = {.data_dir = r->dir,
                                   .map_bytes = (size_t)256 << 20,
                                   .clock = &r->clock,
                                   .topics = r->topics,
                                   .base_url = RIG_BASE,
                                   .index = index};
    struct err e = {0};

    engine_close(&r->engine);
    assert_int_equal(engine_open(&config, &r->engine, &e), ERR_OK);
    assert_int_equal(engine_start(r->engine, &e), ERR_OK);
}

/* Without an index for a type it is searched all the same, and the index that
 * is asked for again knows what happened in between. */
static void the_choice_of_types_changes_no_answer(void **state)
{
    static const char *const choices[] = {"none", "Patient", "all",
                                          "Observation,Encounter"};
    struct model *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->rig = *state;
    run_round(m);
    for (size_t i = 0; i < COUNT(choices); i++) {
        (void)usleep(i == 1 ? 400000 : 0);
        restart_with(m->rig, choices[i]);
        run_round(m);
    }
    free(m);
}

static void a_choice_must_be_of_types(void **state)
{
    struct rig *r = *state;
    struct engine_config config = {.data_dir = r->dir,
                                   .map_bytes = (size_t)256 << 20,
                                   .clock = &r->clock,
                                   .topics = r->topics,
                                   .base_url = RIG_BASE,
                                   .index = "Patient,Foo"};
    struct engine *g;
    struct err e = {0};

    engine_close(&r->engine);
    assert_int_equal(engine_open(&config, &g, &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "Foo"));
    rig_start(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(search_and_match_agree, rig_open,
                                        rig_close),
        cmocka_unit_test_setup_teardown(the_choice_of_types_changes_no_answer,
                                        rig_open, rig_close),
        cmocka_unit_test_setup_teardown(a_choice_must_be_of_types, rig_open,
                                        rig_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
