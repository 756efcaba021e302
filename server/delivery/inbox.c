#include "server/delivery/inbox.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct inbox {
    size_t max;
    size_t slot_count; /* a power of two, at least twice max */

    pthread_mutex_t lock;
    /* lock: lock */
    uint64_t *filling; /* max */
    uint32_t *places;  /* the slot of each */
    uint64_t *slots;   /* hash set; 0: free (no subscription has number 0) */
    size_t n;
    bool all;

    /* owner: who takes */
    uint64_t *taken; /* max */
};

enum err_code inbox_new(size_t max, struct inbox **out, struct err *e)
{
    struct inbox *b = calloc(1, sizeof *b);

    *out = NULL;
    if (!b)
        return err_nomem(e);
    b->max = max;
    b->slot_count = 16;
    while (b->slot_count < max * 2)
        b->slot_count *= 2;
    b->filling = calloc(max, sizeof *b->filling);
    b->taken = calloc(max, sizeof *b->taken);
    b->places = calloc(max, sizeof *b->places);
    b->slots = calloc(b->slot_count, sizeof *b->slots);
    if (pthread_mutex_init(&b->lock, NULL) != 0) {
        free(b->filling);
        free(b->taken);
        free(b->places);
        free(b->slots);
        free(b);
        return err_nomem(e);
    }
    if (!b->filling || !b->taken || !b->places || !b->slots) {
        inbox_free(b);
        return err_nomem(e);
    }
    *out = b;
    return ERR_OK;
}

void inbox_free(struct inbox *b)
{
    if (!b)
        return;
    (void)pthread_mutex_destroy(&b->lock);
    free(b->filling);
    free(b->taken);
    free(b->places);
    free(b->slots);
    free(b);
}

static void add_one(struct inbox *b, uint64_t number)
{
    uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(mixed >> 32) & (b->slot_count - 1);

    while (b->slots[at] != 0 && b->slots[at] != number)
        at = (at + 1) & (b->slot_count - 1);
    if (b->slots[at] == number)
        return;
    if (b->n == b->max) {
        b->all = true;
        return;
    }
    b->slots[at] = number;
    b->places[b->n] = (uint32_t)at;
    b->filling[b->n++] = number;
}

bool inbox_add(struct inbox *b, const uint64_t *numbers, size_t n)
{
    bool was_empty;

    (void)pthread_mutex_lock(&b->lock);
    was_empty = b->n == 0 && !b->all;
    for (size_t i = 0; i < n; i++)
        add_one(b, numbers[i]);
    (void)pthread_mutex_unlock(&b->lock);
    return was_empty && n > 0;
}

struct inbox_content inbox_take(struct inbox *b)
{
    struct inbox_content c;
    uint64_t *full;

    (void)pthread_mutex_lock(&b->lock);
    full = b->filling;
    c = (struct inbox_content){full, b->n, b->all};
    for (size_t i = 0; i < b->n; i++)
        b->slots[b->places[i]] = 0;
    b->filling = b->taken;
    b->taken = full;
    b->n = 0;
    b->all = false;
    (void)pthread_mutex_unlock(&b->lock);
    return c;
}
