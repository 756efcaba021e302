/* tls: is the server's certificate usable?
 * Owns:   nothing.
 * Thread: main, at start.
 * Errors: ERR_INVALID with a text that names the file at fault, for the
 *         library that serves TLS only says that it failed. */
#ifndef BELFRY_SERVER_HTTP_TLS_H
#define BELFRY_SERVER_HTTP_TLS_H

#include "storage/base/err.h"

/* TLS 1.2 and 1.3 only, in GnuTLS's notation. */
#define HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* The certificate (its chain may follow) and its unencrypted private key, both
 * as PEM text, belong together and are readable. */
MUST_CHECK enum err_code http_tls_check(const char *cert_pem,
                                        const char *key_pem, struct err *e);

#endif
