/* bench_load: drives a belfry on loopback and receives what it sends.
 *
 * usage: bench_load SERVER_PORT SERVER_PID CONNECTIONS SECONDS RATE RESOURCE
 *                   [dead=N] [fanout=N]
 *
 * Makes SUBJECTS subscriptions (id-only, one event a bundle), each filtered by
 * one patient, and PUTs the resource under new ids for SECONDS, each change
 * for one of the patients: one notification a change. RATE 0 sends as fast as
 * answers come; otherwise RATE changes a second, each timed from the instant
 * at which it was due, so that a stall is not left out. The id of each
 * resource holds that instant, so the notification tells its own latency.
 * With dead=N, N subscriptions more point at ports where nobody listens, each
 * for one of the patients. With fanout=N, N subscriptions want every change,
 * and one change is all that is sent.
 * Prints one line of key=value. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "tests/bench/histogram.h"
#include "tests/bench/wire.h"

#define SUBJECTS 64
#define CONNECTIONS_MAX 1024
#define BUFFER_BYTES 65536
#define MARK "MedicationRequest/b-"

struct sink {
    int listener;
    unsigned port;
    struct histogram latency;
    atomic_ullong received;
    atomic_ullong handshakes;
    atomic_bool stop;
};

struct peer {
    int fd;
    size_t n;
    char in[BUFFER_BYTES];
};

struct load {
    unsigned port;
    unsigned connections;
    uint64_t seconds;
    uint64_t rate;
    char *head; /* resource text before the id */
    char *tail; /* between id and patient */
    char *rest; /* behind the patient */
    struct histogram accepted;
    uint64_t sent;
    uint64_t answered;
    uint64_t errors;
    struct peer *peers;
    uint64_t *started;
    unsigned *idle;
    unsigned idle_count;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- the sink ---- */

static void note_latency(struct sink *s, const char *body, size_t n)
{
    const char *mark = memmem(body, n, MARK, sizeof MARK - 1);
    uint64_t now = wire_now_ns();

    if (!mark) {
        atomic_fetch_add(&s->handshakes, 1);
        return;
    }
    histogram_add(&s->latency,
                  now - strtoull(mark + sizeof MARK - 1, NULL, 10));
    atomic_fetch_add(&s->received, 1);
}

static bool serve_peer(struct sink *s, struct peer *p)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    ssize_t got = recv(p->fd, p->in + p->n, sizeof p->in - p->n - 1, 0);
    size_t size, body;

    if (got <= 0)
        return false;
    p->n += (size_t)got;
    p->in[p->n] = '\0';
    while ((size = wire_message(p->in, p->n, &body)) > 0) {
        note_latency(s, p->in + body, size - body);
        if (send(p->fd, ok, sizeof ok - 1, MSG_NOSIGNAL) < 0)
            return false;
        memmove(p->in, p->in + size, p->n - size);
        p->n -= size;
    }
    return true;
}

static void accept_peer(struct sink *s, int epoll)
{
    struct peer *p = calloc(1, sizeof *p);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    int one = 1;

    if (!p)
        die("sink");
    p->fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (p->fd < 0 ||
        setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event) != 0)
        die("sink accept");
}

static void *run_sink(void *arg)
{
    struct sink *s = arg;
    struct epoll_event events[64], first = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, s->listener, &first) != 0)
        die("sink epoll");
    while (!atomic_load(&s->stop)) {
        int n = epoll_wait(epoll, events, 64, 100);

        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;

            if (!p) {
                accept_peer(s, epoll);
            } else if (!serve_peer(s, p)) {
                (void)close(p->fd);
                free(p);
            }
        }
    }
    (void)close(epoll);
    return NULL;
}

static void open_sink(struct sink *s)
{
    struct sockaddr_in at = wire_loopback(0);
    socklen_t n = sizeof at;

    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 ||
        bind(s->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(s->listener, 1024) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &n) != 0)
        die("sink");
    s->port = ntohs(at.sin_port);
}

/* ---- subscriptions ---- */

/* patient < 0: whoever it is. Returns the request's length. */
static int write_subscription(char *request, size_t max, int patient,
                              unsigned endpoint_port)
{
    static char body[4096];
    char filter[512] = "";
    int n;

    if (patient >= 0)
        (void)snprintf(
            filter, sizeof filter,
            "\"_criteria\":{\"extension\":[{\"url\":\"http://hl7.org/fhir/uv/"
            "subscriptions-backport/StructureDefinition/backport-filter-"
            "criteria\",\"valueString\":\"patient=Patient/p%d\"}]},",
            patient);
    n = snprintf(
        body, sizeof body,
        "{\"resourceType\":\"Subscription\",\"status\":\"requested\","
        "\"reason\":\"measuring\",\"criteria\":\"https://belfry.example/"
        "fhir/SubscriptionTopic/prescription-created\",%s\"channel\":{"
        "\"extension\":[{\"url\":\"http://hl7.org/fhir/uv/subscriptions-"
        "backport/StructureDefinition/backport-max-count\","
        "\"valuePositiveInt\":1}],\"type\":\"rest-hook\",\"endpoint\":"
        "\"http://127.0.0.1:%u/hook\",\"payload\":"
        "\"application/fhir+json\",\"_payload\":{\"extension\":[{\"url\":"
        "\"http://hl7.org/fhir/uv/subscriptions-backport/"
        "StructureDefinition/backport-payload-content\",\"valueCode\":"
        "\"id-only\"}]}}}",
        filter, endpoint_port);
    return snprintf(request, max,
                    "POST /fhir/Subscription HTTP/1.1\r\nHost: bench\r\n"
                    "Content-Type: application/fhir+json\r\n"
                    "Prefer: return=minimal\r\nContent-Length: %d\r\n\r\n%s",
                    n, body);
}

#define SUBSCRIBERS 32

static void await_created(int fd)
{
    static char answer[BUFFER_BYTES];
    size_t have = 0, body;

    do {
        ssize_t got = recv(fd, answer + have, sizeof answer - 1 - have, 0);

        if (got <= 0)
            die("subscribing");
        have += (size_t)got;
        answer[have] = '\0';
    } while (wire_message(answer, have, &body) == 0);
    if (memcmp(answer + 9, "201", 3) != 0) {
        (void)fprintf(stderr, "a subscription was refused: %s\n", answer);
        exit(1);
    }
}

struct subscribers {
    unsigned count;
    bool by_patient;
    unsigned endpoint_port;
    bool ports_differ; /* each a port of its own, from endpoint_port on */
};

static void subscribe(unsigned port, const struct subscribers *s)
{
    static char request[8192];
    int fds[SUBSCRIBERS];

    for (unsigned i = 0; i < SUBSCRIBERS; i++)
        fds[i] = wire_connect(port);
    for (unsigned i = 0; i < s->count; i += SUBSCRIBERS) {
        unsigned n = s->count - i < SUBSCRIBERS ? s->count - i : SUBSCRIBERS;

        for (unsigned k = 0; k < n; k++) {
            int m = write_subscription(
                request, sizeof request,
                s->by_patient ? (int)((i + k) % SUBJECTS) : -1,
                s->endpoint_port + (s->ports_differ ? i + k : 0));

            if (send(fds[k], request, (size_t)m, MSG_NOSIGNAL) != m)
                die("subscribing");
        }
        for (unsigned k = 0; k < n; k++)
            await_created(fds[k]);
    }
    for (unsigned i = 0; i < SUBSCRIBERS; i++)
        (void)close(fds[i]);
}

static void await_handshakes(struct sink *s, unsigned count)
{
    uint64_t deadline = wire_now_ns() + 300ULL * 1000000000ULL;

    while (atomic_load(&s->handshakes) < count) {
        if (wire_now_ns() > deadline)
            die("handshakes are missing");
        (void)usleep(10000);
    }
    (void)usleep(500000); /* their reports */
}

/* ---- the load ---- */

static void send_change(struct load *l, unsigned slot, uint64_t due)
{
    static char body[BUFFER_BYTES], request[2 * BUFFER_BYTES];
    uint64_t subject = l->sent % SUBJECTS;
    char id[48];
    int n, m;

    (void)snprintf(id, sizeof id, "b-%" PRIu64 "-%u", due, slot);
    n = snprintf(body, sizeof body, "%s%s%sp%" PRIu64 "%s", l->head, id,
                 l->tail, subject, l->rest);
    m = snprintf(request, sizeof request,
                 "PUT /fhir/MedicationRequest/%s HTTP/1.1\r\nHost: bench\r\n"
                 "Content-Type: application/fhir+json\r\n"
                 "Prefer: return=minimal\r\nContent-Length: %d\r\n\r\n%s",
                 id, n, body);
    l->started[slot] = due;
    l->sent++;
    if (send(l->peers[slot].fd, request, (size_t)m, MSG_NOSIGNAL) != m)
        die("send");
}

static void take_answer(struct load *l, unsigned slot)
{
    struct peer *p = &l->peers[slot];
    ssize_t got = recv(p->fd, p->in + p->n, sizeof p->in - p->n - 1, 0);
    size_t body, size;

    if (got <= 0)
        die("recv");
    p->n += (size_t)got;
    p->in[p->n] = '\0';
    size = wire_message(p->in, p->n, &body);
    if (size == 0)
        return;
    if (memcmp(p->in + 9, "201", 3) != 0)
        l->errors++;
    p->n = 0;
    l->answered++;
    histogram_add(&l->accepted, wire_now_ns() - l->started[slot]);
    l->idle[l->idle_count++] = slot;
}

/* Sends on idle connections what is due; nanoseconds until the next. */
static uint64_t send_due(struct load *l, uint64_t begin, uint64_t end)
{
    uint64_t now = wire_now_ns(), due;

    while (l->idle_count > 0 && now < end) {
        due = l->rate ? begin + l->sent * 1000000000ULL / l->rate : now;
        if (due > now)
            return due - now;
        send_change(l, l->idle[--l->idle_count], due);
        now = wire_now_ns();
    }
    return 10000000;
}

static void run_load(struct load *l)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t begin, end;

    for (unsigned i = 0; i < l->connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};

        l->peers[i].fd = wire_connect(l->port);
        if (l->peers[i].fd < 0 ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, l->peers[i].fd, &event) != 0)
            die("connect");
        l->idle[l->idle_count++] = i;
    }
    begin = wire_now_ns();
    end = begin + l->seconds * 1000000000ULL;
    while (wire_now_ns() < end || l->answered < l->sent) {
        uint64_t wait_ns = send_due(l, begin, end);
        const struct timespec wait = {0, (long)(wait_ns % 1000000000)};
        /* to the nanosecond: to spin would take a core from the server */
        int n = epoll_pwait2(epoll, events, 64, &wait, NULL);

        for (int i = 0; i < n; i++)
            take_answer(l, events[i].data.u32);
    }
    (void)close(epoll);
}

/* The resource's text in three parts around its id and its patient. */
static void read_resource(struct load *l, const char *path)
{
    static char text[BUFFER_BYTES / 2];
    FILE *f = fopen(path, "r");
    char *id, *patient;

    if (!f || fread(text, 1, sizeof text - 1, f) == 0)
        die(path);
    (void)fclose(f);
    id = strstr(text, "\"id\":\"");
    patient = strstr(text, "\"Patient/");
    if (!id || !patient || patient < id)
        die("the resource needs an id and, behind it, a patient");
    l->head = text;
    l->tail = strchr(id + 6, '"');
    id[6] = '\0';
    l->rest = strchr(patient + 1, '"');
    patient[9] = '\0';
    /* the parts are cut in place: what follows a NUL starts a part */
    l->tail = strdup(l->tail);
    l->rest = strdup(l->rest);
    if (!l->tail || !l->rest)
        die("memory");
}

/* User and system time of a process in microseconds, and its memory. */
static double process_cpu_us(const char *pid)
{
    char path[64], line[1024], *at;
    unsigned long long user = 0, kernel = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%s/stat", pid);
    f = fopen(path, "r");
    if (!f || !fgets(line, sizeof line, f))
        die(path);
    (void)fclose(f);
    at = strrchr(line, ')') + 2;
    for (int field = 3; field < 14; field++)
        at = strchr(at, ' ') + 1;
    user = strtoull(at, &at, 10);
    kernel = strtoull(at, NULL, 10);
    return (double)(user + kernel) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static unsigned long process_rss_kb(const char *pid)
{
    char path[64], line[256];
    unsigned long kb = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%s/status", pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtoul(line + 6, NULL, 10);
    if (f)
        (void)fclose(f);
    return kb;
}

static void await_notifications(struct sink *s, uint64_t wanted)
{
    uint64_t deadline = wire_now_ns() + 120ULL * 1000000000ULL;

    while (atomic_load(&s->received) < wanted && wire_now_ns() < deadline)
        (void)usleep(1000);
}

static double us(const struct histogram *h, double share)
{
    return (double)histogram_at(h, share) / 1e3;
}

/* The value behind "name=" among the arguments from `from` on, else 0. */
static unsigned option(int argc, char **argv, int from, const char *name)
{
    size_t n = strlen(name);

    for (int i = from; i < argc; i++)
        if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=')
            return (unsigned)strtoul(argv[i] + n + 1, NULL, 10);
    return 0;
}

/* Where nobody listens. */
#define DEAD_PORT 9000

static int run_fanout(struct load *l, struct sink *s, unsigned count)
{
    const struct subscribers all = {count, false, s->port, false};
    double committed, delivered;
    uint64_t begin;

    subscribe(l->port, &all);
    await_handshakes(s, count);
    l->rate = 1;
    l->seconds = 1;
    begin = wire_now_ns();
    run_load(l);
    committed = (double)histogram_at(&l->accepted, 0.5) / 1e9;
    await_notifications(s, count);
    delivered = (double)(wire_now_ns() - begin) / 1e9;
    (void)printf("fanout=%u committed_s=%.3f delivered=%llu "
                 "delivered_s=%.2f delivered_per_s=%.0f\n",
                 count, committed, atomic_load(&s->received), delivered,
                 (double)atomic_load(&s->received) / delivered);
    return atomic_load(&s->received) == count ? 0 : 1;
}

static int run_changes(struct load *l, struct sink *s, const char *pid,
                       unsigned dead)
{
    const struct subscribers alive = {SUBJECTS, true, s->port, false};
    const struct subscribers gone = {dead, true, DEAD_PORT, true};
    double cpu, elapsed, delivered;
    uint64_t begin;

    subscribe(l->port, &gone);
    subscribe(l->port, &alive);
    await_handshakes(s, SUBJECTS);
    cpu = process_cpu_us(pid);
    begin = wire_now_ns();
    run_load(l);
    elapsed = (double)(wire_now_ns() - begin) / 1e9;
    await_notifications(s, l->sent - l->errors);
    delivered = (double)(wire_now_ns() - begin) / 1e9;
    cpu = process_cpu_us(pid) - cpu;
    (void)printf(
        "accepted=%" PRIu64 " errors=%" PRIu64 " accepted_per_s=%.0f "
        "delivered=%llu delivered_per_s=%.0f in_p50_us=%.0f "
        "in_p99_us=%.0f e2e_p50_us=%.0f e2e_p99_us=%.0f "
        "e2e_p999_us=%.0f cpu_us_per_change=%.1f rss_kb=%lu\n",
        l->answered, l->errors, (double)l->answered / elapsed,
        atomic_load(&s->received),
        (double)atomic_load(&s->received) / delivered, us(&l->accepted, 0.5),
        us(&l->accepted, 0.99), us(&s->latency, 0.5), us(&s->latency, 0.99),
        us(&s->latency, 0.999), cpu / (double)l->answered, process_rss_kb(pid));
    return l->errors == 0 && atomic_load(&s->received) == l->sent ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct sink sink;
    static struct load load;
    unsigned fanout = option(argc, argv, 7, "fanout");
    pthread_t thread;
    int status;

    if (argc < 7) {
        (void)fprintf(stderr, "usage: bench_load SERVER_PORT SERVER_PID "
                              "CONNECTIONS SECONDS RATE RESOURCE [dead=N] "
                              "[fanout=N]\n");
        return 2;
    }
    load.port = (unsigned)strtoul(argv[1], NULL, 10);
    load.connections = (unsigned)strtoul(argv[3], NULL, 10);
    load.seconds = strtoull(argv[4], NULL, 10);
    load.rate = strtoull(argv[5], NULL, 10);
    if (load.connections == 0 || load.connections > CONNECTIONS_MAX)
        die("connections");
    read_resource(&load, argv[6]);
    load.peers = calloc(load.connections, sizeof *load.peers);
    load.started = calloc(load.connections, sizeof *load.started);
    load.idle = calloc(load.connections, sizeof *load.idle);
    if (!load.peers || !load.started || !load.idle)
        die("memory");
    open_sink(&sink);
    if (pthread_create(&thread, NULL, run_sink, &sink) != 0)
        die("thread");
    status = fanout ? run_fanout(&load, &sink, fanout)
                    : run_changes(&load, &sink, argv[2],
                                  option(argc, argv, 7, "dead"));
    atomic_store(&sink.stop, true);
    (void)pthread_join(thread, NULL);
    return status;
}
