#include "fhir/topic/topic_set.h"

#include <stdlib.h>

struct topic_set {
    size_t count;
    struct topic *topics[TOPIC_SET_MAX];
};

struct topic_set *topic_set_new(void)
{
    return calloc(1, sizeof(struct topic_set));
}

void topic_set_free(struct topic_set *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        topic_free(s->topics[i]);
    free(s);
}

static const struct topic *find_url(const struct topic_set *s, struct bytes url)
{
    for (size_t i = 0; i < s->count; i++)
        if (bytes_is(url, topic_url(s->topics[i])))
            return s->topics[i];
    return NULL;
}

enum err_code topic_set_add(struct topic_set *s, struct topic **t,
                            struct err *e)
{
    struct topic *taken = *t;
    enum err_code rc;

    *t = NULL;
    if (find_url(s, bytes_of(topic_url(taken)))) {
        rc = err_set_at(e, ERR_CONFLICT, "SubscriptionTopic.url",
                        "there is a topic with the url %s already",
                        topic_url(taken));
    } else if (s->count == TOPIC_SET_MAX) {
        rc = err_set(e, ERR_TOO_LARGE, "belfry holds at most %d topics",
                     TOPIC_SET_MAX);
    } else {
        s->topics[s->count++] = taken;
        return ERR_OK;
    }
    topic_free(taken);
    return rc;
}

size_t topic_set_count(const struct topic_set *s)
{
    return s->count;
}

const struct topic *topic_set_at(const struct topic_set *s, size_t index)
{
    return index < s->count ? s->topics[index] : NULL;
}

const struct topic *topic_set_find(const struct topic_set *s,
                                   struct bytes canonical)
{
    struct bytes version;
    struct bytes url = bytes_split(canonical, '|', &version);
    const struct topic *t = find_url(s, url);

    if (t && url.n < canonical.n && !bytes_is(version, topic_version(t)))
        return NULL;
    return t;
}
