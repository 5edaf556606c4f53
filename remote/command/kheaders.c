// SPDX-License-Identifier: Apache-2.0
/* The headers that a board's kernel carries itself: CONFIG_IKHEADERS, kernel/kheaders.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/msg.h"
#include "remote/command/extract.h"
#include "remote/command/headers.h"
#include "remote/command/session.h"

#define KHEADERS	"/sys/kernel/kheaders.tar.xz"
#define BUILD_ID	".bpfwire-build-id"	/* in a set that came from a board */
#define KHEADERS_MAX	(32u << 20)	/* 6.1's is 4 MB */

static const char *place(void)
{
	const char *path = getenv("BPFWIRE_KHEADERS");

	return path && *path == '/' && strlen(path) <= BW_PATH_MAX ? path : KHEADERS;
}

static bool has_file(struct bw_session *s, const char *path)
{
	struct bw_file m = { .path = { .p = path, .len = (uint32_t)strlen(path) } };
	struct bw_buf payload = { 0 }, reply = { 0 };
	int err;

	bw_put_file(&payload, &m);
	err = payload.err ? payload.err : bw_session_ask(s, BW_MSG_FILE_STAT, payload.data, payload.len, BW_PAYLOAD_MAX, &reply);
	bw_buf_free(&payload);
	bw_buf_free(&reply);
	return !err;
}

/* A module that nobody loaded is not ours to load: nothing that a session does stays on the board. */
static void look_for_module(struct bw_session *s, const struct bw_board *b)
{
	static const char *const suffixes[] = { "", ".xz", ".zst", ".gz" };
	char path[256];
	size_t i;

	for (i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		snprintf(path, sizeof(path), "/lib/modules/%s/kernel/kernel/kheaders.ko%s", b->release, suffixes[i]);
		if (!has_file(s, path))
			continue;
		bw_log(BW_LOG_INFO, "board %s has its kernel headers as a module: 'modprobe kheaders' on the board lets bpfwire take them", b->serial);
		return;
	}
}

static int get_archive(struct bw_board *b, struct bw_buf *archive)
{
	struct bw_session s;
	int err = bw_session_open(&s, b);

	if (err)
		return err;
	err = bw_session_get_file(&s, place(), KHEADERS_MAX, archive);
	if (err == -ENOENT)
		look_for_module(&s, b);
	bw_session_close(&s);
	return err;
}

bool bw_kheaders_outdated(const struct bw_board *b, const char *dir)
{
	char path[PATH_MAX + 32], build_id[sizeof(b->build_id)];

	snprintf(path, sizeof(path), "%s/" BUILD_ID, dir);
	return *b->build_id && bw_read_line(path, build_id, sizeof(build_id)) > 0 && strcmp(build_id, b->build_id);
}

static int put_build_id(const struct bw_board *b, int dirfd)
{
	bw_cleanup_fd int fd = openat(dirfd, BUILD_ID, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : bw_write_full(fd, b->build_id, strlen(b->build_id));
}

static int unpack(struct bw_board *b, const struct bw_buf *archive, const char *dir)
{
	bw_cleanup_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char why[512] = "";
	int err = fd < 0 ? -errno : 0;

	if (err)
		snprintf(why, sizeof(why), "%s", strerror(-err));
	/* First, so that no member of that name gets its place. */
	if (!err && put_build_id(b, fd))
		err = -EIO;
	if (!err)
		err = bw_extract_xz(fd, archive->data, archive->len, why, sizeof(why));
	if (err == -EBADMSG)
		bw_log(BW_LOG_WARN, "board %s: its kernel headers (%s) are refused: %s", b->serial, place(), why);
	else if (err)
		bw_log(BW_LOG_WARN, "board %s: its kernel headers (%s) cannot be unpacked: %s", b->serial, place(), why);
	return err;
}

int bw_kheaders_fetch(struct bw_board *b, char out[PATH_MAX])
{
	const char *arch = bw_arch_name(b->arch);
	struct bw_buf archive = { 0 };
	char dir[PATH_MAX];
	int err = get_archive(b, &archive);

	/* A board that has none, or cannot be asked, which the tool will notice by itself. */
	if (err)
		goto out;
	bw_log(BW_LOG_INFO, "taking the headers of %s from the board (%zu KiB, once)", b->release, archive.len / 1024);
	err = bw_headers_helper((const char *[]) { "--room", b->release, arch, NULL }, dir);
	if (err)
		goto out;
	err = unpack(b, &archive, dir);
	if (!err)
		err = bw_headers_helper((const char *[]) { "--keep", b->release, arch, dir, "the board", NULL }, out);
	if (err)
		bw_headers_helper((const char *[]) { "--drop", b->release, arch, dir, NULL }, NULL);
out:
	bw_buf_free(&archive);
	return err ? -ENOENT : 0;
}
