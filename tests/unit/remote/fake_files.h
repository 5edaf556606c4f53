/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fake board with files and directories, in the child of fake_bridge.h. Including it starts it, with a cache directory of the test's own, which files_done() removes.
 */
#ifndef BW_TESTS_FAKE_FILES_H
#define BW_TESTS_FAKE_FILES_H

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "protocol/wirecode.h"
#include "remote/files.h"
#include "tests/unit/check.h"
#include "tests/unit/remote/fake_bridge.h"

static char written[256];
static int asked[BW_MSG_LAST + 1], tail_reads, functions_fetched;

static inline struct bw_stat fake_stat(uint8_t type, uint64_t ino)
{
	return (struct bw_stat){ .type = type, .perm = type == BW_FT_DIR ? 0755 : 0644, .dev_major = 0, .dev_minor = 99, .ino = ino, .nlink = 1,
				 .blksize = 4096 };
}

static inline bool is(struct bw_str s, const char *c) { return bw_str_eq(s, c); }

static inline int fake_type(struct bw_str p)
{
	static const struct { const char *path; int type; } tree[] = {
		{ "/sys/t", BW_FT_DIR }, { "/sys/t/a", BW_FT_REG }, { "/sys/t/link", BW_FT_LNK }, { "/sys/t/sub", BW_FT_DIR }, { "/sys/t/sub/x1", BW_FT_REG },
		{ "/sys/t/sub/x2", BW_FT_REG }, { "/sys/t/write", BW_FT_REG }, { "/sys/t/trace_pipe", BW_FT_REG }, { "/proc/77", BW_FT_DIR }, { "/proc/77/mem", BW_FT_REG }, { "/sys/t/sub/..", BW_FT_DIR }, { "/sys/t/..", BW_FT_DIR },
	};
	size_t i;

	for (i = 0; i < sizeof(tree) / sizeof(tree[0]); i++)
		if (is(p, tree[i].path))
			return tree[i].type;
	return -1;
}

static inline int get(struct bw_str p, struct bw_buf *out)
{
	struct bw_stat st = fake_stat(BW_FT_REG, 5);
	char text[sizeof(written)];

	if (is(p, "/proc/denied"))
		return -EACCES;
	if (fake_type(p) == BW_FT_DIR)
		return -EISDIR;
	if (is(p, "/sys/eio"))
		return -EIO;
	bw_put_stat(out, &st);
	if (is(p, "/proc/loadavg") || is(p, "/sys/t/a"))
		snprintf(text, sizeof(text), "0.10 0.20 board\n");
	else if (is(p, "/proc/empty"))
		text[0] = 0;
	else if (is(p, "/proc/written"))
		snprintf(text, sizeof(text), "%s", written);
	else if (is(p, "/proc/stats"))
		snprintf(text, sizeof(text), "%d", asked[BW_MSG_FILE_STAT]);
	else if (is(p, "/proc/modules"))	/* the use count changes at each look, the address when something is written */
		snprintf(text, sizeof(text), "ext4 4096 %d - Live 0x%zx\n", asked[BW_MSG_FILE_GET], strlen(written));
	else if (is(p, "/sys/kernel/tracing/available_filter_functions"))
		snprintf(text, sizeof(text), "function%d\n", ++functions_fetched);
	else if (p.len > 7 && !memcmp(p.p + p.len - 7, "/format", 7))
		snprintf(text, sizeof(text), "%.*s\n", (int)p.len, p.p);
	else if (is(p, "/proc/requests"))
		snprintf(text, sizeof(text), "%d %d %d\n", asked[BW_MSG_FILE_LIST], asked[BW_MSG_FILE_STAT], asked[BW_MSG_FILE_GET]);
	else if (is(p, "/proc/mounts"))
		snprintf(text, sizeof(text), "bpf /sys/fs/bpf bpf rw 0 0\n");
	else if (is(p, "/sys/class/net/can0/ifindex"))
		snprintf(text, sizeof(text), "7\n");
	else
		return -ENOENT;
	bw_put_bytes(out, text, strlen(text));
	return 0;
}

static inline void put_entry(struct bw_buf *out, const char *name, uint8_t type, uint64_t ino)
{
	struct bw_dirent e = { .st = fake_stat(type, ino), .name = fake_str(name) };

	bw_put_dirent(out, &e);
}

static inline int list(struct bw_str p, struct bw_buf *out)
{
	if (is(p, "/sys/t") || is(p, "/sys/t/")) {
		put_entry(out, "sub", BW_FT_DIR, 11);
		put_entry(out, "a", BW_FT_REG, 12);
		put_entry(out, "link", BW_FT_LNK, 13);
		put_entry(out, "../evil", BW_FT_REG, 14);
		put_entry(out, "", BW_FT_REG, 15);
	} else if (is(p, "/sys/t/sub")) {
		put_entry(out, "x1", BW_FT_REG, 21);
		put_entry(out, "x2", BW_FT_REG, 22);
	} else if (is(p, "/sys/kernel/tracing/events")) {
		for (int cat = 0; cat < 3; cat++) {
			char name[64];

			put_entry(out, (snprintf(name, sizeof(name), "cat%d", cat), name), BW_FT_DIR, 41);
			put_entry(out, (snprintf(name, sizeof(name), "cat%d/enable", cat), name), BW_FT_REG, 42);
			for (int event = 0; event < 20; event++)
				put_entry(out, (snprintf(name, sizeof(name), "cat%d/ev%d", cat, event), name), BW_FT_DIR, 43);
		}
	} else if (is(p, "/sys/class/net")) {
		put_entry(out, "can0", BW_FT_LNK, 31);
	} else {
		return fake_type(p) < 0 ? -ENOENT : -ENOTDIR;
	}
	return 0;
}

static inline int open_handle(const struct bw_file *m, struct bw_buf *out)
{
	struct bw_handle_reply r = { .object = BW_OBJ_FILE, .handle = 1 };

	if (is(m->path, "/sys/eio"))
		r.handle = 2;
	else if (is(m->path, "/sys/t/trace_pipe"))
		r.handle = 3;
	else if (fake_type(m->path) < 0)
		return -ENOENT;
	bw_put_handle_reply(out, &r);
	return 0;
}

static inline int handle_read(struct bw_reader *r, struct bw_buf *out)
{
	struct bw_handle_read m;

	bw_get_handle_read(r, &m);
	if (m.handle == 2)
		return -EIO;
	if (m.handle != 3)
		return -EBADF;
	if (tail_reads++ % 2)
		return -EAGAIN;
	bw_put_bytes(out, "line\n", 5);
	return 0;
}

static inline int handle_info(struct bw_buf *out)
{
	bw_put_str(out, "anon_inode:bpf-map");
	bw_put_str(out, "memlock:\t4096\n");
	return 0;
}

static inline int handle_write(struct bw_reader *r, struct bw_buf *out)
{
	struct bw_handle_write m;

	bw_get_handle_write(r, &m);
	if (m.len == 4 && !memcmp(m.data, "bad\n", 4))
		return -EINVAL;
	if (m.offset != BW_OFFSET_CURRENT)
		snprintf(written + strlen(written), sizeof(written) - strlen(written), "@%u", (unsigned int)m.offset);
	snprintf(written + strlen(written), sizeof(written) - strlen(written), "[%.*s]", (int)m.len, (const char *)m.data);
	bw_put_u32(out, m.len);
	return 0;
}

static inline int file_op(uint16_t type, struct bw_reader *r, struct bw_buf *out)
{
	struct bw_statfs fs = { .type = 0xcafe4a11, .bsize = 4096 };
	struct bw_stat st;
	struct bw_file m;
	int t;

	if (bw_get_file(r, &m))
		return -EPROTO;
	t = fake_type(m.path);
	switch (type) {
	case BW_MSG_FILE_GET: return get(m.path, out);
	case BW_MSG_FILE_LIST: return list(m.path, out);
	case BW_MSG_FILE_OPEN: return open_handle(&m, out);
	case BW_MSG_FILE_ACCESS: return t < 0 ? -ENOENT : m.mode & 2 ? -EROFS : 0;
	case BW_MSG_FILE_READLINK: return t == BW_FT_LNK ? (bw_put_str(out, "../target"), 0) : -EINVAL;
	case BW_MSG_FILE_REALPATH:
		return t < 0 ? -ENOENT : (bw_put_str(out, is(m.path, "/sys/t/sub/..") ? "/sys/t" : is(m.path, "/sys/t/..") ? "/usr" : is(m.path, "/sys/t/link") ?
						     "/sys/real" : strndupa(m.path.p, m.path.len)), 0);
	case BW_MSG_FILE_STATFS: bw_put_statfs(out, &fs); return 0;
	}
	if (t < 0)
		return -ENOENT;
	st = fake_stat((uint8_t)(t == BW_FT_LNK && !(m.flags & BW_FILE_NOFOLLOW) ? BW_FT_REG : t), 7);
	bw_put_stat(out, &st);
	return 0;
}

static inline int handler(uint16_t type, struct bw_reader *r, struct bw_buf *out)
{
	struct bw_clocks c = { .monotonic = 5000000000000ll, .boottime = 6000000000000ll };
	struct bw_kill k;
	struct bw_file_change ch;

	asked[type]++;
	if (type >= BW_MSG_FILE_GET && type <= BW_MSG_FILE_REALPATH && type != BW_MSG_FILE_CHANGE)
		return file_op(type, r, out);
	switch (type) {
	case BW_MSG_HANDLE_READ: return handle_read(r, out);
	case BW_MSG_HANDLE_INFO: return handle_info(out);
	case BW_MSG_HANDLE_WRITE: return handle_write(r, out);
	case BW_MSG_HANDLE_CLOSE: return 0;
	case BW_MSG_CLOCKS: bw_put_clocks(out, &c); return 0;
	case BW_MSG_KILL: return bw_get_kill(r, &k) ? -EPROTO : k.pid == 1 && k.signal == SIGTERM ? 0 : -ESRCH;
	case BW_MSG_FILE_CHANGE:
		bw_get_file_change(r, &ch);
		return ch.what == BW_CHANGE_MKDIR && is(ch.path, "/sys/fs/bpf/d") ? 0 : ch.what == BW_CHANGE_RMDIR ? -ENOTEMPTY : -EISDIR;
	}
	return -EOPNOTSUPP;
}

static char cache[] = "/tmp/bpfwire-cache.XXXXXX";

__attribute__((constructor(101))) static void before_all(void)
{
	unsetenv("BPFWIRE_MAIN");
	if (mkdtemp(cache))
		setenv("BPFWIRE_CACHE", cache, 1);
	fake_bridge(handler);
}

static inline int stats_asked(void)
{
	char text[32] = "";
	FILE *f = fopen("/proc/stats", "r");

	if (!f || !fgets(text, sizeof(text), f))
		return -1;
	fclose(f);
	return atoi(text);
}

static inline int remove_visited(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

/* What main() returns. */
static inline int files_done(void)
{
	nftw(cache, remove_visited, 8, FTW_DEPTH | FTW_PHYS);
	return check_done();
}

#endif
