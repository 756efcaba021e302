#include "server/http/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* An encrypted key must fail and not ask for its passphrase on a terminal. */
static int no_passphrase(char *out, int size, int writing, void *ctx)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

static X509 *read_certificate(const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    X509 *cert = in ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;

    BIO_free(in);
    return cert;
}

static EVP_PKEY *read_key(const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key =
        in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;

    BIO_free(in);
    return key;
}

enum err_code http_tls_check(const char *cert_pem, const char *key_pem,
                             struct err *e)
{
    X509 *cert = read_certificate(cert_pem);
    EVP_PKEY *key = read_key(key_pem);
    enum err_code code = ERR_OK;

    if (!cert)
        code = err_set(e, ERR_INVALID,
                       "the TLS certificate is not a PEM certificate");
    else if (!key)
        code = err_set(e, ERR_INVALID,
                       "the TLS key is not an unencrypted PEM private key");
    else if (X509_check_private_key(cert, key) != 1)
        code = err_set(e, ERR_INVALID,
                       "the TLS key does not belong to the TLS certificate");
    ERR_clear_error();
    EVP_PKEY_free(key);
    X509_free(cert);
    return code;
}
