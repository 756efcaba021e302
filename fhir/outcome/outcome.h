/* outcome: every refusal as an R4 OperationOutcome, and the one table that
 * maps an error code to its HTTP status and issue type.
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_FHIR_OUTCOME_OUTCOME_H
#define BELFRY_FHIR_OUTCOME_OUTCOME_H

#include "fhir/outcome/issues.h"
#include "storage/base/buf.h"

/* The HTTP status of a code: ERR_GONE is 410. 200 for ERR_OK. */
int outcome_http_status(enum err_code code);

/* The code for a status that the HTTP library answers by itself. */
enum err_code outcome_code_of_status(int http_status);

/* The IssueType code (http://hl7.org/fhir/issue-type): "not-found". */
const char *outcome_issue_type(enum err_code code);

/* An OperationOutcome with one error issue. */
void outcome_write(struct buf *out, const struct err *e);

/* An OperationOutcome with all the issues; says how many were dropped. */
void outcome_write_issues(struct buf *out, const struct issues *list);

/* An OperationOutcome with an information issue, and the issues of the list as
 * warnings: what was done in spite of them. */
void outcome_write_warnings(struct buf *out, const char *text,
                            const struct issues *list);

/* An OperationOutcome with one information issue ("Prefer:
 * return=OperationOutcome"). */
void outcome_write_information(struct buf *out, const char *text);

#endif
