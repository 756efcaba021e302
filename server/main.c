/* belfry: one table of sub-commands; each reads its own options. */
#include "server/cli/backup.h"
#include "server/cli/fhirpath.h"
#include "server/cli/listen.h"
#include "server/cli/option.h"
#include "server/cli/serve.h"
#include "server/cli/topics.h"
#include "server/cli/verify.h"
#include "server/cli/version.h"

#include <stdio.h>
#include <string.h>

struct sub_command {
    const char *name;
    const char *help;
    int (*run)(int argc, char **argv);
};

static int run_help(int argc, char **argv);

static const struct sub_command commands[] = {
    {"serve", "run the server", cli_serve},
    {"topics", "check and list SubscriptionTopics", cli_topics},
    {"fhirpath", "evaluate a FHIRPath expression on a resource", cli_fhirpath},
    {"listen", "receive notifications and print them, for trying things",
     cli_listen},
    {"backup", "copy a data folder, also that of a running server", cli_backup},
    {"verify", "check a data folder, or make its views anew", cli_verify},
    {"version", "print the version and the libraries'", cli_version},
    {"help", "print this, or the help of a sub-command", run_help},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static const struct sub_command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static void print_usage(FILE *out)
{
    (void)fputs("Usage: belfry COMMAND [options]\n\n"
                "A FHIR R4 Subscription server: takes resources over REST and "
                "POSTs signed\nnotifications to those who subscribed.\n\n"
                "Commands:\n",
                out);
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    (void)fputs("\nEach command tells its options with --help.\n", out);
}

static const char *command_name(const void *ctx, size_t i)
{
    (void)ctx;
    return commands[i].name;
}

static int refuse(const char *name)
{
    const char *nearest =
        option_nearest(bytes_of(name), command_name, NULL, COMMANDS);

    (void)fprintf(stderr, "belfry: no such command: %.60s%s%s%s\n", name,
                  nearest ? "; did you mean " : "", nearest ? nearest : "",
                  nearest ? "?" : "");
    (void)fputs("Try `belfry --help`.\n", stderr);
    return 2;
}

static int run_help(int argc, char **argv)
{
    static char flag[] = "--help";
    char *asked[] = {flag, NULL};
    const struct sub_command *command;

    if (argc == 0 || strcmp(argv[0], flag) == 0) {
        print_usage(stdout);
        return 0;
    }
    command = find(argv[0]);
    if (!command)
        return refuse(argv[0]);
    if (command->run == run_help) {
        print_usage(stdout);
        return 0;
    }
    return command->run(1, asked);
}

int main(int argc, char **argv)
{
    const struct sub_command *command;

    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return run_help(0, NULL);
    if (strcmp(argv[1], "--version") == 0)
        return cli_version(0, NULL);
    command = find(argv[1]);
    if (!command)
        return refuse(argv[1]);
    return command->run(argc - 2, argv + 2);
}
