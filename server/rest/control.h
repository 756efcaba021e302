/* control: the operations that steer a subscription's delivery: $resend (of
 * the backport guide), and belfry's own $pause, $resume, $redeliver and
 * $discard (profiles/operations).
 * Thread: the loop of the connection; each is a command to the engine and is
 *         answered once it is durable. */
#ifndef BELFRY_SERVER_REST_CONTROL_H
#define BELFRY_SERVER_REST_CONTROL_H

#include "server/rest/exchange.h"

enum http_next control_pause(struct exchange *x);
enum http_next control_resume(struct exchange *x);
enum http_next control_resend(struct exchange *x);
enum http_next control_redeliver(struct exchange *x);
enum http_next control_discard(struct exchange *x);

#endif
