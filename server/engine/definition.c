#include "server/engine/definition.h"

#include <stdatomic.h>
#include <stdlib.h>

struct definition {
    atomic_uint references;
    struct subscription *subscription;
};

struct definition *definition_new(struct subscription **s)
{
    struct definition *d = malloc(sizeof *d);

    if (!d) {
        subscription_free(*s);
    } else {
        atomic_init(&d->references, 1);
        d->subscription = *s;
    }
    *s = NULL;
    return d;
}

const struct subscription *definition_get(const struct definition *d)
{
    return d->subscription;
}

struct definition *definition_ref(struct definition *d)
{
    if (d)
        atomic_fetch_add_explicit(&d->references, 1, memory_order_relaxed);
    return d;
}

void definition_unref(struct definition **d)
{
    struct definition *gone = *d;

    *d = NULL;
    if (gone && atomic_fetch_sub_explicit(&gone->references, 1,
                                          memory_order_acq_rel) == 1) {
        subscription_free(gone->subscription);
        free(gone);
    }
}
