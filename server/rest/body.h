/* body: what every FHIR body must be before it is looked at: there, within the
 * limit, of a media type that belfry reads, through the gate.
 * Owns:   nothing; the tokens are the exchange's.
 * Thread: the loop of the connection. */
#ifndef BELFRY_SERVER_REST_BODY_H
#define BELFRY_SERVER_REST_BODY_H

#include "server/rest/exchange.h"

MUST_CHECK enum err_code body_check(struct exchange *x, struct err *e);

#endif
