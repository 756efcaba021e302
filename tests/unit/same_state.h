/* same_state: compares two states of a subscription field by field: the
 * padding between fields is nobody's.
 * Owns:   nothing. */
#ifndef BELFRY_TESTS_UNIT_SAME_STATE_H
#define BELFRY_TESTS_UNIT_SAME_STATE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/engine/read.h"

static inline void assert_same_state(const struct subscription_state *a,
                                     const struct subscription_state *b)
{
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->definition, b->definition);
    assert_string_equal(a->id, b->id);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->shown, b->shown);
    assert_int_equal(a->last_event, b->last_event);
    assert_int_equal(a->delivered, b->delivered);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->next_attempt_ms, b->next_attempt_ms);
    assert_int_equal(a->requested_ms, b->requested_ms);
    assert_int_equal(a->chain_since, b->chain_since);
    assert_memory_equal(&a->chain, &b->chain, sizeof a->chain);
    assert_int_equal(a->parked, b->parked);
    assert_int_equal(a->letters, b->letters);
    assert_int_equal(a->expired, b->expired);
    assert_int_equal(a->lost, b->lost);
    assert_int_equal(a->paused, b->paused);
    assert_int_equal(a->resend.first, b->resend.first);
    assert_int_equal(a->resend.last, b->resend.last);
    assert_int_equal(a->failure, b->failure);
    assert_string_equal(a->error, b->error);
}

#endif
