/* validation: R4's judgement on what is to be stored, and what follows from
 * it: a refusal, or with lenient validation a warning.
 * Owns:   nothing; issues are in the write's arenas.
 * Thread: the loop of the connection.
 * Errors: ERR_UNPROCESSABLE and its kin with w->issues filled, ERR_NOMEM. */
#ifndef BELFRY_SERVER_REST_VALIDATION_H
#define BELFRY_SERVER_REST_VALIDATION_H

#include "server/rest/prepare.h"

/* Judges w->body. What is wrong is in w->issues, or in w->warnings when
 * validation is lenient. */
MUST_CHECK enum err_code validation_judge(struct write *w, struct err *e);

/* Adds to w->issues what others found, but for elements that have an issue:
 * one problem is told once. */
MUST_CHECK enum err_code
validation_add(struct write *w, const struct issues *found, struct err *e);

/* As validation_add(); then fails with code and why. */
MUST_CHECK enum err_code validation_refuse(struct write *w, enum err_code code,
                                           const struct issues *found,
                                           const char *why, struct err *e);

#endif
