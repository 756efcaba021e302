/* validate: the operation $validate (R4 resource-operation-validate.html), on
 * a type and on an instance: what a write would say, without the write.
 * Owns:   nothing.
 * Thread: the loop of the connection.
 * Errors: a body that is no JSON, a parameter or profile that belfry does not
 *         know (400); what is wrong with the resource is a 200 with issues. */
#ifndef BELFRY_SERVER_REST_VALIDATE_H
#define BELFRY_SERVER_REST_VALIDATE_H

#include "server/rest/exchange.h"

/* POST [type]/$validate and [type]/[id]/$validate: the body is the resource,
 * or Parameters with resource, mode and profile. */
enum http_next validate_resource(struct exchange *x);

#endif
