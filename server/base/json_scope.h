/* json_scope: cJSON's memory while one text is read and looked at. A tree of
 * some hundred small objects comes from one block and goes with it: neither is
 * each of them allocated nor the tree walked to free it.
 * Owns:   the block, between enter and leave.
 * Thread: any; a scope belongs to the thread that entered it, and nothing that
 *         cJSON allocated in it may outlive it. Scopes nest.
 * Bounds: JSON_SCOPE_BYTES_MAX a block; what does not fit is malloc's.
 * With ARENA_EMULATE all of it is malloc's, so that the sanitizers see every
 * object. */
#ifndef BELFRY_SERVER_BASE_JSON_SCOPE_H
#define BELFRY_SERVER_BASE_JSON_SCOPE_H

#include <cjson/cJSON.h>

#include <stdbool.h>
#include <stddef.h>

#define JSON_SCOPE_BYTES_MAX ((size_t)1 << 20)

struct json_scope {
    struct json_scope *outer;
    char *block; /* NULL: all is malloc's */
    size_t used;
    size_t size;
    bool spilled; /* some of it is malloc's */
};

/* Once, before the first thread that uses cJSON. */
void json_scope_install(void);

/* text_bytes: of the text that will be parsed in it. */
void json_scope_enter(struct json_scope *s, size_t text_bytes);

/* In place of cJSON_Delete() for a tree that was parsed in s. */
void json_scope_delete(const struct json_scope *s, cJSON *tree);

void json_scope_leave(struct json_scope *s);

#endif
