/* topic_node: one element of a SubscriptionTopic's JSON with its path, so that
 * whoever refuses it can name it.
 * Owns:   nothing; borrows the parsed JSON and the issues.
 * Thread: one at a time.
 * Bounds: a path is cut at ERR_EXPRESSION_BYTES.
 * Errors: what is wrong becomes an issue; the functions then answer as if the
 *         element were absent, so that reading goes on to the next problem.
 *         What can only make a topic tell less is a warning instead. */
#ifndef BELFRY_FHIR_TOPIC_TOPIC_NODE_H
#define BELFRY_FHIR_TOPIC_TOPIC_NODE_H

#include <cjson/cJSON.h>

#include "fhir/outcome/issues.h"
#include "storage/base/bytes.h"

struct topic_node {
    const cJSON *json;
    struct issues *issues;
    struct issues *warnings;
    char path[ERR_EXPRESSION_BYTES]; /* "SubscriptionTopic.canFilterBy[0]" */
};

enum topic_need { TOPIC_OPTIONAL, TOPIC_REQUIRED };

void topic_node_init(struct topic_node *n, const cJSON *json, const char *path,
                     struct issues *issues, struct issues *warnings);

/* The member named key; false when there is none. */
bool topic_node_member(const struct topic_node *n, const char *key,
                       struct topic_node *out);

/* The item of the array as its index-th element. */
void topic_node_item(const struct topic_node *array, const cJSON *item,
                     size_t index, struct topic_node *out);

/* Adds an issue at this element. */
void topic_node_refuse(const struct topic_node *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds a warning at this element. */
void topic_node_warn(const struct topic_node *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds what a lower layer described, at this element. */
void topic_node_refuse_err(const struct topic_node *n, const struct err *e);

/* Requires an object whose members are all among names (NULL-terminated; a
 * leading '_' is ignored): a misspelt criterion must not be passed over. */
bool topic_node_only(const struct topic_node *n, const char *const names[]);

/* The text of the string member key; NULL when absent or refused. */
const char *topic_node_text(const struct topic_node *n, const char *key,
                            enum topic_need need);

/* This element's own text; NULL when it is no string or an empty one. */
const char *topic_node_own_text(const struct topic_node *n);

/* The array member key: how many elements it has, 0 when absent or refused. */
size_t topic_node_array(const struct topic_node *n, const char *key, size_t max,
                        struct topic_node *out);

/* What the member key stands for: one resource type, bare or as the canonical
 * of its StructureDefinition, or all of them. */
enum topic_scope {
    TOPIC_SCOPE_ABSENT,  /* no such member, or refused already */
    TOPIC_SCOPE_UNKNOWN, /* no type of R4: the caller says what follows */
    TOPIC_SCOPE_TYPE,
    TOPIC_SCOPE_DOMAIN, /* "DomainResource" */
    TOPIC_SCOPE_ALL     /* "*", "Resource" */
};
enum topic_scope topic_node_scope(const struct topic_node *n, const char *key,
                                  enum topic_need need, const char **type);

/* True when a scope of DOMAIN or ALL takes the resource type in. Subscription
 * is in none: the server's own status changes would notify of themselves. */
bool topic_scope_has(enum topic_scope scope, const char *type);

/* How much of a stranger's text a message repeats: bytes up to a whole
 * character. For "%.*s". */
int topic_quote_bytes(struct bytes text);
#define TOPIC_QUOTE(text) topic_quote_bytes(bytes_of(text)), (text)

/* The constant name of an R4 resource type; NULL when it is none. */
const char *topic_type_find(struct bytes name);

#endif
