#include "server/cli/version.h"

#include "server/cli/option.h"
#include "storage/base/failpoint.h"

#include <ares.h>
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <lmdb.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <utf8proc.h>

static const struct option_table table = {
    .usage = "belfry version",
    .about = "Prints the version of belfry and of the libraries that it runs "
             "with.",
};

/* As linked at run time, which may be newer than at build time. */
static void print_versions(void)
{
    char pcre2[64] = ""; /* the number and its date take 16 */

    (void)pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
    (void)printf("belfry %s\n"
                 "libmicrohttpd %s\n"
                 "libcurl %s\n"
                 "%s\n"
                 "cJSON %s\n"
                 "%s\n"
                 "c-ares %s\n"
                 "PCRE2 %s\n"
                 "utf8proc %s\n",
                 BELFRY_VERSION, MHD_get_version(),
                 curl_version_info(CURLVERSION_NOW)->version,
                 OpenSSL_version(OPENSSL_VERSION), cJSON_Version(),
                 mdb_version(NULL, NULL, NULL), ares_version(NULL), pcre2,
                 utf8proc_version());
}

int cli_version(int argc, char **argv)
{
    struct option_input in = {argc, (const char *const *)argv, NULL};
    struct arena none;
    struct err e = {0};
    enum err_code code;
    bool help;

    arena_init(&none, 0);
    code = options_read(&table, &in, NULL, &none, &help, &e);
    FAILPOINT("version"); /* tells tests that the others are built in */
    if (code == ERR_OK && help)
        options_help(&table, stdout);
    else if (code == ERR_OK)
        print_versions();
    arena_fini(&none);
    return options_exit("version", code, &e);
}
