#include "server/engine/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/engine/engine.h"

static void lock(struct ledger *l)
{
    int rc = pthread_mutex_lock(&l->m);

    assert(rc == 0);
    (void)rc;
}

static void unlock(struct ledger *l)
{
    int rc = pthread_mutex_unlock(&l->m);

    assert(rc == 0);
    (void)rc;
}

enum err_code ledger_init(struct ledger *l, struct err *e)
{
    pthread_condattr_t attributes;
    int rc;

    memset(l, 0, sizeof *l);
    l->last = &l->first;
    rc = pthread_mutex_init(&l->m, NULL);
    if (rc == 0)
        rc = pthread_condattr_init(&attributes);
    if (rc == 0) {
        rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        if (rc == 0)
            rc = pthread_cond_init(&l->filled, &attributes);
        (void)pthread_condattr_destroy(&attributes);
    }
    if (rc != 0)
        return err_set_errno(e, ERR_NOMEM, rc, "the ledger's lock");
    return ERR_OK;
}

void ledger_fini(struct ledger *l)
{
    while (l->first) {
        struct command *next = l->first->next;

        command_free(l->first);
        l->first = next;
    }
    free(l->reports);
    (void)pthread_cond_destroy(&l->filled);
    (void)pthread_mutex_destroy(&l->m);
}

/* Under the lock: the writer needs a signal only while it sleeps. */
static void rouse(struct ledger *l)
{
    if (l->waiting)
        (void)pthread_cond_signal(&l->filled);
}

enum err_code ledger_put(struct ledger *l, struct command *c, struct err *e)
{
    size_t bytes = command_bytes(c);
    enum err_code code = ERR_OK;

    lock(l);
    if (l->closed) {
        code = err_set(e, ERR_BUSY, "the server is shutting down");
    } else if (l->commands >= ENGINE_QUEUE_COMMANDS ||
               l->bytes + bytes > ENGINE_QUEUE_BYTES) {
        code = err_set(e, ERR_BUSY,
                       "too many changes are waiting for the "
                       "disk");
    } else {
        c->next = NULL;
        *l->last = c;
        l->last = &c->next;
        l->commands++;
        l->bytes += bytes;
        rouse(l);
    }
    unlock(l);
    return code;
}

static bool grow_reports(struct ledger *l, size_t n)
{
    size_t capacity = l->report_capacity ? l->report_capacity : 64;
    struct report *reports;

    if (l->report_capacity - l->report_count >= n)
        return true;
    while (capacity - l->report_count < n)
        capacity *= 2;
    reports = realloc(l->reports, capacity * sizeof *reports);
    if (!reports)
        return false;
    l->reports = reports;
    l->report_capacity = capacity;
    return true;
}

static bool changes_status(const struct report *r)
{
    return r->kind == REPORT_HANDSHAKE_OK || r->kind == REPORT_FAILED ||
           r->kind == REPORT_OFF;
}

static enum err_code admit_reports(struct ledger *l, size_t n, struct err *e)
{
    if (l->closed)
        return err_set(e, ERR_BUSY, "the server is shutting down");
    if (l->report_count + l->reports_taken >= LEDGER_REPORTS)
        return err_set(e, ERR_BUSY,
                       "too many delivery reports are waiting for the disk");
    return grow_reports(l, n) ? ERR_OK : err_nomem(e);
}

/* Under the lock, when reports were added. */
static void note_reports(struct ledger *l, const struct report *reports,
                         size_t n)
{
    bool first = l->report_count == n;

    l->urgent = l->urgent || l->report_count >= LEDGER_TAKE_REPORTS;
    for (size_t i = 0; i < n && !l->urgent; i++)
        l->urgent = changes_status(&reports[i]);
    /* the first one starts the short timer */
    if (first || l->urgent)
        rouse(l);
}

enum err_code ledger_put_reports(struct ledger *l, const struct report *reports,
                                 size_t n, struct err *e)
{
    enum err_code code;

    lock(l);
    code = admit_reports(l, n, e);
    if (code == ERR_OK) {
        memcpy(l->reports + l->report_count, reports, n * sizeof *reports);
        l->report_count += n;
        note_reports(l, reports, n);
    }
    unlock(l);
    return code;
}

bool ledger_return_reports(struct ledger *l, const struct report *reports,
                           size_t n)
{
    bool taken;

    lock(l);
    l->reports_taken = 0;
    taken = !l->closed && grow_reports(l, n);
    if (taken) {
        memmove(l->reports + n, l->reports, l->report_count * sizeof *reports);
        memcpy(l->reports, reports, n * sizeof *reports);
        l->report_count += n;
        note_reports(l, reports, n);
    }
    unlock(l);
    return taken;
}

static struct timespec after_ms(int ms)
{
    struct timespec t;
    int rc = clock_gettime(CLOCK_MONOTONIC, &t);

    assert(rc == 0);
    (void)rc;
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static bool must_work(const struct ledger *l)
{
    return l->first || l->urgent || l->closed;
}

/* Sleeps until there is work, or the time is up. */
static void sleep_for(struct ledger *l, int ms, bool until_report)
{
    struct timespec deadline = after_ms(ms);

    l->waiting = true;
    while (!must_work(l) && !(until_report && l->report_count > 0))
        if (pthread_cond_timedwait(&l->filled, &l->m, &deadline) != 0)
            break;
    l->waiting = false;
}

static void take_commands(struct ledger *l, struct intake *out)
{
    struct command **end = &l->first;
    size_t n = 0, bytes = 0;

    while (*end && n < LEDGER_TAKE_COMMANDS && bytes < LEDGER_TAKE_BYTES) {
        bytes += command_bytes(*end);
        n++;
        end = &(*end)->next;
    }
    out->commands = n ? l->first : NULL;
    if (n) {
        l->first = *end;
        *end = NULL;
        if (!l->first)
            l->last = &l->first;
    }
    l->commands -= n;
    l->bytes -= bytes;
}

/* What is over the bound of an intake stays; without the memory to part them
 * all go, which LEDGER_REPORTS bounds. */
static void take_reports(struct ledger *l, struct intake *out)
{
    size_t left = l->report_count > LEDGER_TAKE_REPORTS
                      ? l->report_count - LEDGER_TAKE_REPORTS
                      : 0;
    struct report *rest = left ? malloc(left * sizeof *rest) : NULL;

    if (!rest)
        left = 0;
    out->reports = l->reports;
    out->report_count = l->report_count - left;
    if (rest)
        memcpy(rest, l->reports + out->report_count, left * sizeof *rest);
    l->reports = rest;
    l->report_count = l->report_capacity = left;
    l->reports_taken = out->report_count;
    l->urgent = left > 0;
}

void ledger_take(struct ledger *l, int report_wait_ms, int idle_wait_ms,
                 struct intake *out)
{
    lock(l);
    l->reports_taken = 0;
    if (!must_work(l) && l->report_count == 0)
        sleep_for(l, idle_wait_ms, true);
    if (!must_work(l) && l->report_count > 0)
        sleep_for(l, report_wait_ms, false);
    take_commands(l, out);
    take_reports(l, out);
    out->closed = l->closed && !l->first && l->report_count == 0;
    unlock(l);
}

void ledger_close(struct ledger *l)
{
    lock(l);
    l->closed = true;
    (void)pthread_cond_signal(&l->filled);
    unlock(l);
}

size_t ledger_waiting(struct ledger *l)
{
    size_t n;

    lock(l);
    n = l->commands;
    unlock(l);
    return n;
}
