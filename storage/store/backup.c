#include "storage/store/backup.h"

#include "storage/store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The name that a data file has until it is whole. */
#define PARTIAL "data.mdb.partial"
#define WHOLE "data.mdb"

static int is_content(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static enum err_code check_empty(const char *dir, struct err *e)
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, is_content, NULL);
    enum err_code code = ERR_OK;

    if (n < 0)
        return err_set_errno(e, ERR_IO, errno, "%s cannot be read", dir);
    if (n > 0)
        code = err_set(e, ERR_CONFLICT,
                       "%s holds %s; a backup wants an empty folder", dir,
                       entries[0]->d_name);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return code;
}

static enum err_code open_target(const char *dir, int *dir_fd, struct err *e)
{
    bool made;
    enum err_code code = folder_make(dir, &made, e);

    if (code == ERR_OK && !made)
        code = check_empty(dir, e);
    if (code != ERR_OK)
        return code;
    *dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*dir_fd < 0)
        return err_set_errno(e, ERR_IO, errno, "%s cannot be opened", dir);
    return ERR_OK;
}

static enum err_code copy_file(struct store *s, int dir_fd, struct err *e)
{
    int fd =
        openat(dir_fd, PARTIAL, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum err_code code;

    if (fd < 0)
        return err_set_errno(e, ERR_IO, errno, "%s cannot be made", PARTIAL);
    code = store_copy(s, fd, e);
    if (code == ERR_OK && fsync(fd) != 0)
        code = err_set_errno(e, errno == ENOSPC ? ERR_FULL : ERR_IO, errno,
                             "the copy cannot be synced");
    if (close(fd) != 0 && code == ERR_OK)
        code = err_set_errno(e, ERR_IO, errno, "the copy cannot be closed");
    return code;
}

static enum err_code finish(const char *dir, int dir_fd, struct err *e)
{
    if (renameat(dir_fd, PARTIAL, dir_fd, WHOLE) != 0)
        return err_set_errno(e, ERR_IO, errno, "the copy cannot be named");
    return folder_sync(dir, e);
}

enum err_code backup_write(struct store *s, const char *dir, struct err *e)
{
    int dir_fd = -1;
    enum err_code code = open_target(dir, &dir_fd, e);

    if (code != ERR_OK)
        return code;
    code = copy_file(s, dir_fd, e);
    if (code == ERR_OK)
        code = finish(dir, dir_fd, e);
    if (code != ERR_OK)
        (void)unlinkat(dir_fd, PARTIAL, 0); /* as far as it came */
    (void)close(dir_fd);
    return code;
}
