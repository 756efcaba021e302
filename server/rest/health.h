/* health: what a load balancer, an orchestrator or a monitor asks. Not FHIR:
 * no negotiation, no secrets.
 * Thread: the loop of the connection. */
#ifndef BELFRY_SERVER_REST_HEALTH_H
#define BELFRY_SERVER_REST_HEALTH_H

#include "server/rest/exchange.h"

/* GET /health: 200 while writes can be taken, else 503 with the reason. */
enum http_next health_ready(struct exchange *x);

/* GET /health/live: 200 while the process answers. */
enum http_next health_live(struct exchange *x);

/* GET /metrics: counters of all parts in Prometheus' text form. */
enum http_next health_metrics(struct exchange *x);

#endif
