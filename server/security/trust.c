#include "server/security/trust.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

enum err_code trust_check_file(const char *path, struct err *e)
{
    X509_STORE *store = X509_STORE_new();
    bool loaded;

    if (!store)
        return err_nomem(e);
    loaded = X509_STORE_load_file(store, path) == 1;
    X509_STORE_free(store);
    ERR_clear_error(); /* libcurl would take what is left for its own */
    if (loaded)
        return ERR_OK;
    return err_set(e, ERR_INVALID,
                   "%s cannot be read, or holds no certificate in PEM form",
                   path);
}
