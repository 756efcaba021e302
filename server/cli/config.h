/* config: what `belfry serve` was told, by flag, environment and file.
 * Owns:   its texts (an arena), until config_fini().
 * Thread: main; immutable once read.
 * Bounds: those of the options, in config.c's table.
 * Errors: ERR_INVALID (an option, or options that do not go together), ERR_IO
 *         (the file), ERR_NOMEM. */
#ifndef BELFRY_SERVER_CLI_CONFIG_H
#define BELFRY_SERVER_CLI_CONFIG_H

#include "server/cli/option.h"

enum config_validation { CONFIG_STRICT, CONFIG_LENIENT };

struct config {
    const char *file;
    const char *listen; /* "127.0.0.1:8080" */
    const char *data;
    const char *base_url; /* NULL: derived from what is bound */
    struct option_texts topics;
    const char *tls_cert; /* file; both or neither */
    const char *tls_key;
    const char *egress;
    const char *ca_file;
    bool dev;
    uint64_t validation; /* enum config_validation */
    uint64_t log_format; /* enum log_format */
    uint64_t log_level;  /* enum log_level */
    uint64_t drain_s;
    uint64_t map_bytes;
    const char *index;     /* index_types_read() */
    uint64_t http_threads; /* 0: half of the cores */
    uint64_t body_bytes;
    uint64_t header_bytes;
    uint64_t connections;
    uint64_t idle_s;
    uint64_t request_s;
    uint64_t handshake_delay_ms;
    uint64_t handshake_attempts;
    struct option_numbers retry_s;
    uint64_t retry_for_s;
    uint64_t timeout_s;
    uint64_t max_count;
    uint64_t retention_days;   /* 0: for ever */
    uint64_t retention_events; /* 0: any number */
    uint64_t endpoint_concurrency;
    uint64_t delivery_concurrency;
    uint64_t endpoint_rate;
    const char *dns_servers;
    uint64_t breaker_failures;
    uint64_t breaker_cooldown_s;
    uint64_t park_after;
    struct arena texts;
};

/* Reads and checks. *help is set and nothing else filled when the user asks
 * for it. Call config_fini() whatever the result. */
MUST_CHECK enum err_code config_read(const struct option_input *in,
                                     struct config *out, bool *help,
                                     struct err *e);
void config_fini(struct config *c);

void config_help(FILE *out);

#endif
