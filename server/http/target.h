/* target: the request target of RFC 9112, 3.2, split but not decoded.
 * Owns:   nothing; the parts point into the given text.
 * Thread: any. */
#ifndef BELFRY_SERVER_HTTP_TARGET_H
#define BELFRY_SERVER_HTTP_TARGET_H

#include "storage/base/bytes.h"

struct http_target {
    struct bytes path;  /* "/fhir/Patient", or "*" */
    struct bytes query; /* behind the first "?"; empty without one */
};

/* Takes origin-form, asterisk-form, and absolute-form with http or https, of
 * which scheme and authority are dropped. False for everything else, for a
 * fragment, and for characters that RFC 3986 wants percent-encoded. */
bool http_target_parse(struct bytes raw, struct http_target *out);

#endif
