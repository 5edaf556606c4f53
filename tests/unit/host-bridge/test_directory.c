// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host-bridge/directory.h"
#include "tests/unit/check.h"

static char root[64], path[80];

static void begin(void)
{
	strcpy(root, "/tmp/bw-dir-XXXXXX");
	if (!mkdtemp(root))
		abort();
	snprintf(path, sizeof(path), "%s/b", root);
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	if (system(command))
		abort();
}

static int mode_of(const char *name)
{
	char file[200];
	struct stat st;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	return lstat(file, &st) < 0 ? -1 : (int)(st.st_mode & 0777);
}

TEST("the directory is for its user alone, and so are the sockets in it")
{
	struct bw_directory d;
	char err[300] = "";
	int fd;

	begin();
	CHECK_EQ(bw_directory_open(&d, path, NULL, err, sizeof(err)), 0);
	fd = bw_directory_listen(&d, "BOARD");
	CHECK(fd >= 0);
	CHECK_EQ(mode_of(""), 0700);
	CHECK_EQ(mode_of("BOARD"), 0600);
	bw_directory_remove(&d, "BOARD");
	CHECK_EQ(mode_of("BOARD"), -1);
	close(fd);
	bw_directory_close(&d);
	end();
}

TEST("with a group, its members may enter and connect, and nobody else")
{
	struct bw_directory d;
	char err[300] = "";
	int fd;

	begin();
	if (bw_directory_open(&d, path, "daemon", err, sizeof(err))) {
		printf("# not root and not in that group: %s\n", err);
		end();
		return;
	}
	fd = bw_directory_listen(&d, "BOARD");
	CHECK_EQ(mode_of(""), 0750);
	CHECK_EQ(mode_of("BOARD"), 0660);
	close(fd);
	bw_directory_close(&d);
	end();
}

TEST("a second bridge is told of the first one, with its process id; after that one ended there is room")
{
	struct bw_directory d, e;
	char err[300] = "", pid[32];

	begin();
	CHECK_EQ(bw_directory_open(&d, path, NULL, err, sizeof(err)), 0);
	CHECK_EQ(bw_directory_open(&e, path, NULL, err, sizeof(err)), -EBUSY);
	snprintf(pid, sizeof(pid), "process %d ", getpid());
	CHECK(strstr(err, pid));
	CHECK(!strchr(err, '\n'));
	bw_directory_close(&d);
	CHECK_EQ(bw_directory_open(&e, path, NULL, err, sizeof(err)), 0);
	bw_directory_close(&e);
	end();
}

static void leave_socket(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", path, name);
	CHECK(!bind(fd, (struct sockaddr *)&sun, sizeof(sun)));
	close(fd);
}

TEST("stale sockets are removed; files, links and what they point to are not")
{
	struct bw_directory d;
	char err[300], file[200], target[100];
	int fd;

	begin();
	mkdir(path, 0700);
	leave_socket("OLD");
	leave_socket("../outside");
	snprintf(file, sizeof(file), "%s/note", path);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	snprintf(file, sizeof(file), "%s/link", path);
	snprintf(target, sizeof(target), "%s/outside", root);
	CHECK(!symlink(target, file));
	CHECK_EQ(bw_directory_open(&d, path, NULL, err, sizeof(err)), 0);
	CHECK_EQ(mode_of("OLD"), -1);
	CHECK(mode_of("note") >= 0 && mode_of("link") >= 0 && mode_of("../outside") >= 0);
	fd = bw_directory_listen(&d, "link");
	CHECK(fd < 0);				/* never through a link */
	bw_directory_close(&d);
	end();
}

TEST("a link in place of the directory is refused; so is a path that leaves no room for names")
{
	struct bw_directory d;
	char err[300], other[100];

	begin();
	snprintf(other, sizeof(other), "%s/other", root);
	mkdir(other, 0700);
	CHECK(!symlink(other, path));
	CHECK(bw_directory_open(&d, path, NULL, err, sizeof(err)) < 0);
	CHECK_EQ(bw_directory_open(&d, "/tmp/a-directory-whose-name-is-much-too-long-for-sockets-in-it", NULL, err, sizeof(err)), -ENAMETOOLONG);
	CHECK_EQ(bw_directory_open(&d, other, "no-such-group-here", err, sizeof(err)), -ENOENT);
	end();
}

TEST("option, BPFWIRE_DIR, XDG_RUNTIME_DIR and /run choose the directory in this order")
{
	char out[64];

	setenv("BPFWIRE_DIR", "/a", 1);
	setenv("XDG_RUNTIME_DIR", "/b", 1);
	CHECK(!bw_directory_path("/o", out, sizeof(out)) && !strcmp(out, "/o"));
	CHECK(!bw_directory_path(NULL, out, sizeof(out)) && !strcmp(out, "/a"));
	unsetenv("BPFWIRE_DIR");
	CHECK(!bw_directory_path(NULL, out, sizeof(out)) && !strcmp(out, "/b/bpfwire"));
	unsetenv("XDG_RUNTIME_DIR");
	CHECK(!bw_directory_path(NULL, out, sizeof(out)) && !strcmp(out, "/run/bpfwire"));
	CHECK(bw_directory_path(NULL, out, 5) < 0);
}

int main(void) { return check_done(); }
