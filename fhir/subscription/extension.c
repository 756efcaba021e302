#include "fhir/subscription/extension.h"

#include "fhir/subscription/redact.h"

#define GUIDE "http://hl7.org/fhir/uv/subscriptions-backport/"
#define GUIDE_EXTENSION GUIDE "StructureDefinition/"
#define OWN "https://belfry.example/fhir/"
#define OWN_EXTENSION OWN "StructureDefinition/"
#define CORE "http://hl7.org/fhir/"

enum value_type { VALUE_STRING, VALUE_NUMBER, VALUE_OBJECT };

struct known {
    const char *url;
    const char *host;
    const char *value;
    enum value_type type;
    enum extension_kind kind;
};

static const struct known known_extensions[] = {
    {GUIDE_EXTENSION "backport-filter-criteria", "Subscription.criteria",
     "valueString", VALUE_STRING, EXTENSION_FILTER},
    {GUIDE_EXTENSION "backport-channel-type", "Subscription.channel.type",
     "valueCoding", VALUE_OBJECT, EXTENSION_CHANNEL_TYPE},
    {GUIDE_EXTENSION "backport-payload-content", "Subscription.channel.payload",
     "valueCode", VALUE_STRING, EXTENSION_CONTENT},
    {GUIDE_EXTENSION "backport-heartbeat-period", "Subscription.channel",
     "valueUnsignedInt", VALUE_NUMBER, EXTENSION_HEARTBEAT},
    {GUIDE_EXTENSION "backport-timeout", "Subscription.channel",
     "valueUnsignedInt", VALUE_NUMBER, EXTENSION_TIMEOUT},
    {GUIDE_EXTENSION "backport-max-count", "Subscription.channel",
     "valuePositiveInt", VALUE_NUMBER, EXTENSION_MAX_COUNT},
    {REDACT_SECRET_URL, "Subscription.channel", "valueString", VALUE_STRING,
     EXTENSION_SECRET},
    {OWN_EXTENSION "subscription-order", "Subscription.channel", "valueCode",
     VALUE_STRING, EXTENSION_ORDER},
    {OWN_EXTENSION "subscription-refusal", "Subscription.channel", "valueCode",
     VALUE_STRING, EXTENSION_REFUSAL},
    {OWN_EXTENSION "subscription-linger", "Subscription.channel",
     "valueUnsignedInt", VALUE_NUMBER, EXTENSION_LINGER},
    {OWN_EXTENSION "subscription-backfill", "Subscription.channel", "valueCode",
     VALUE_STRING, EXTENSION_BACKFILL},
    {OWN_EXTENSION "subscription-backfill-since", "Subscription.channel",
     "valueInstant", VALUE_STRING, EXTENSION_BACKFILL_SINCE},
    {CORE "5.0/StructureDefinition/extension-Subscription.identifier",
     "Subscription", "valueIdentifier", VALUE_OBJECT, EXTENSION_IDENTIFIER},
};

/* Elements whose extensions change what is asked for: ignoring one there
 * would honour something else than what was sent. */
static const char *const closed_hosts[] = {"Subscription.criteria",
                                           "Subscription.channel.type",
                                           "Subscription.channel.payload"};

static const struct known *find_known(const char *url)
{
    size_t n = sizeof known_extensions / sizeof *known_extensions;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(known_extensions[i].url, url) == 0)
            return &known_extensions[i];
    }
    return NULL;
}

static const char *url_of(const cJSON *extension)
{
    const cJSON *url = cJSON_GetObjectItemCaseSensitive(extension, "url");

    return cJSON_IsString(url) && url->valuestring[0] ? url->valuestring : NULL;
}

static bool has_type(const cJSON *value, enum value_type type)
{
    switch (type) {
    case VALUE_STRING:
        return cJSON_IsString(value) && value->valuestring[0];
    case VALUE_NUMBER:
        return cJSON_IsNumber(value);
    case VALUE_OBJECT:
        return cJSON_IsObject(value);
    }
    return false;
}

/* The value when the extension is the known one's url, value and maybe id. */
static const cJSON *value_of(const cJSON *extension, const struct known *known)
{
    const cJSON *found = NULL;
    const cJSON *member;

    cJSON_ArrayForEach(member, extension)
    {
        if (strcmp(member->string, known->value) == 0)
            found = member;
        else if (strcmp(member->string, "url") != 0 &&
                 strcmp(member->string, "id") != 0)
            return NULL;
    }
    return found && has_type(found, known->type) ? found : NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* http://hl7.org/fhir/N.N/... */
static bool is_cross_version(const char *url)
{
    const char *at = url + strlen(CORE);

    if (strncmp(url, CORE, strlen(CORE)) != 0 || !is_digit(*at))
        return false;
    while (is_digit(*at))
        at++;
    if (*at != '.' || !is_digit(at[1]))
        return false;
    at++;
    while (is_digit(*at))
        at++;
    return *at == '/';
}

static bool is_closed(struct bytes host)
{
    for (size_t i = 0; i < sizeof closed_hosts / sizeof *closed_hosts; i++) {
        if (bytes_is(host, closed_hosts[i]))
            return true;
    }
    return false;
}

static void check_unknown(const char *url, const struct extension_place *place,
                          struct issues *issues)
{
    if (is_cross_version(url))
        issues_add(issues, ERR_UNPROCESSABLE, place->path,
                   "cross-version extension %s is not supported", url);
    else if (strncmp(url, GUIDE, strlen(GUIDE)) == 0 ||
             strncmp(url, OWN, strlen(OWN)) == 0)
        issues_add(issues, ERR_UNPROCESSABLE, place->path,
                   "extension %s is not known", url);
    else if (is_closed(place->host))
        issues_add(issues, ERR_UNPROCESSABLE, place->path,
                   "extension %s is not supported on this element", url);
}

void extension_check(const cJSON *extension,
                     const struct extension_place *place, struct issues *issues)
{
    const char *url = url_of(extension);
    const struct known *known;

    if (!url) {
        issues_add(issues, ERR_UNPROCESSABLE, place->path,
                   "an extension is an object with a url");
        return;
    }
    known = find_known(url);
    if (!known)
        check_unknown(url, place, issues);
    else if (!bytes_is(place->host, known->host))
        issues_add(issues, ERR_UNPROCESSABLE, place->path,
                   "extension %s belongs on %s", url, known->host);
    else if (!value_of(extension, known))
        issues_add(issues, ERR_UNPROCESSABLE, place->path,
                   "extension %s holds exactly one %s", url, known->value);
}

const cJSON *extension_value(const cJSON *extension, enum extension_kind *kind)
{
    const char *url = url_of(extension);
    const struct known *known = url ? find_known(url) : NULL;
    const cJSON *value = known ? value_of(extension, known) : NULL;

    *kind = value ? known->kind : EXTENSION_OTHER;
    return value;
}
