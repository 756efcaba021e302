#include "fhir/topic/topic_set.h"

#include "storage/base/users.h"

#include <stdlib.h>

struct topic_set {
    struct users users;
    size_t count;
    struct topic *topics[TOPIC_SET_MAX];
};

struct topic_set *topic_set_new(void)
{
    struct topic_set *s = calloc(1, sizeof *s);

    if (s)
        users_init(&s->users);
    return s;
}

struct topic_set *topic_set_ref(struct topic_set *s)
{
    if (s)
        users_add(&s->users);
    return s;
}

void topic_set_unref(struct topic_set *s)
{
    if (!s || !users_drop(&s->users))
        return;
    for (size_t i = 0; i < s->count; i++)
        topic_unref(s->topics[i]);
    free(s);
}

static struct topic *find_url(const struct topic_set *s, struct bytes url)
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
    topic_unref(taken);
    return rc;
}

enum err_code topic_set_change(const struct topic_set *s, const char *owner,
                               struct topic *t, struct topic_set **out,
                               struct err *e)
{
    struct topic_set *made = topic_set_new();
    struct topic *added = topic_ref(t);
    enum err_code rc = ERR_OK;

    *out = NULL;
    if (!made) {
        topic_unref(added);
        return err_nomem(e);
    }
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(topic_owner(s->topics[i]), owner) != 0)
            made->topics[made->count++] = topic_ref(s->topics[i]);
    if (added)
        rc = topic_set_add(made, &added, e);
    if (rc != ERR_OK) {
        topic_set_unref(made);
        return rc;
    }
    *out = made;
    return ERR_OK;
}

struct topic *topic_set_owned(const struct topic_set *s, const char *owner)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(topic_owner(s->topics[i]), owner) == 0)
            return s->topics[i];
    return NULL;
}

size_t topic_set_count(const struct topic_set *s)
{
    return s->count;
}

struct topic *topic_set_at(const struct topic_set *s, size_t index)
{
    return index < s->count ? s->topics[index] : NULL;
}

struct topic *topic_set_find(const struct topic_set *s, struct bytes canonical)
{
    struct bytes version;
    struct bytes url = bytes_split(canonical, '|', &version);
    struct topic *t = find_url(s, url);

    if (t && url.n < canonical.n && !bytes_is(version, topic_version(t)))
        return NULL;
    return t;
}
