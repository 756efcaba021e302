#include "server/engine/definition_cache.h"

#include <assert.h>
#include <stdlib.h>

static void lock(struct definition_cache *c)
{
    int rc = pthread_mutex_lock(&c->m);

    assert(rc == 0);
    (void)rc;
}

static void unlock(struct definition_cache *c)
{
    int rc = pthread_mutex_unlock(&c->m);

    assert(rc == 0);
    (void)rc;
}

enum err_code definition_cache_init(struct definition_cache *c, struct err *e)
{
    int rc = pthread_mutex_init(&c->m, NULL);

    if (rc != 0)
        return err_set_errno(e, ERR_NOMEM, rc, "the definitions' lock");
    c->clock = 0;
    c->generation = 0;
    c->sets = calloc(DEFINITION_CACHE_SETS, sizeof *c->sets);
    if (c->sets)
        return ERR_OK;
    (void)pthread_mutex_destroy(&c->m);
    return err_nomem(e);
}

void definition_cache_fini(struct definition_cache *c)
{
    if (!c->sets)
        return;
    for (size_t i = 0; i < DEFINITION_CACHE_SETS; i++)
        for (size_t k = 0; k < DEFINITION_CACHE_WAYS; k++)
            definition_unref(&c->sets[i][k].definition);
    free(c->sets);
    c->sets = NULL;
    (void)pthread_mutex_destroy(&c->m);
}

/* Changes are numbered one after the other. */
static struct cached_definition *set_of(struct definition_cache *c,
                                        uint64_t change)
{
    return c->sets[change % DEFINITION_CACHE_SETS];
}

struct definition *definition_cache_get(struct definition_cache *c,
                                        uint64_t change)
{
    struct definition *found = NULL;
    struct cached_definition *set;

    lock(c);
    set = set_of(c, change);
    for (size_t i = 0; !found && i < DEFINITION_CACHE_WAYS; i++) {
        if (set[i].change != change)
            continue;
        set[i].used = ++c->clock;
        found = definition_ref(set[i].definition);
    }
    unlock(c);
    return found;
}

/* Its own place, a free one, or that of the one not used for longest. */
static struct cached_definition *choose(struct cached_definition *set,
                                        uint64_t change)
{
    struct cached_definition *oldest = set;

    for (size_t i = 0; i < DEFINITION_CACHE_WAYS; i++) {
        if (set[i].change == change)
            return &set[i];
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    return oldest;
}

/* What is in the cache stays: who renews puts what changed anew. */
void definition_cache_renew(struct definition_cache *c)
{
    lock(c);
    c->generation++;
    unlock(c);
}

uint64_t definition_cache_generation(struct definition_cache *c)
{
    uint64_t generation;

    lock(c);
    generation = c->generation;
    unlock(c);
    return generation;
}

void definition_cache_put(struct definition_cache *c, uint64_t change,
                          struct definition *d, uint64_t generation)
{
    struct definition *gone = NULL;

    lock(c);
    if (generation == c->generation) {
        struct cached_definition *place = choose(set_of(c, change), change);

        gone = place->definition;
        *place =
            (struct cached_definition){change, ++c->clock, definition_ref(d)};
    }
    unlock(c);
    definition_unref(&gone);
}
