/* instant: points in time as FHIR writes them (R4 datatypes, instant).
 * Owns:   nothing.
 * Thread: any. Reads no clock: times are milliseconds since 1970 in UTC. */
#ifndef BELFRY_STORAGE_BASE_INSTANT_H
#define BELFRY_STORAGE_BASE_INSTANT_H

#include "storage/base/bytes.h"

/* "YYYY-MM-DDThh:mm:ss.sssZ" */
#define INSTANT_TEXT_BYTES 24

/* Writes exactly INSTANT_TEXT_BYTES characters and no NUL. */
void instant_format(int64_t time_ms, char out[INSTANT_TEXT_BYTES]);

/* An HTTP date ("Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 5.6.7): 29
 * characters and a NUL. */
#define INSTANT_HTTP_BYTES 30
void instant_format_http(int64_t time_ms, char out[INSTANT_HTTP_BYTES]);

/* A FHIR instant: seconds and zone are mandatory, the fraction is cut to
 * milliseconds, second 60 is taken as the next minute's 0. */
bool instant_parse(struct bytes text, int64_t *time_ms);

/* A FHIR date or dateTime of any precision as the range of instants that it
 * covers: [*from_ms, *to_ms). Without a zone, UTC is assumed. */
bool instant_parse_range(struct bytes text, int64_t *from_ms, int64_t *to_ms);

#endif
