/* trust: the file of the authorities that endpoints' certificates are checked
 * against, looked at when the server starts: a wrong one would fail every
 * delivery over TLS, and tell of it only then.
 * Owns:   nothing.
 * Thread: any.
 * Errors: ERR_INVALID when the file cannot be read or holds no certificate,
 *         ERR_NOMEM. */
#ifndef BELFRY_SERVER_SECURITY_TRUST_H
#define BELFRY_SERVER_SECURITY_TRUST_H

#include "storage/base/err.h"

MUST_CHECK enum err_code trust_check_file(const char *path, struct err *e);

#endif
