// SPDX-License-Identifier: Apache-2.0
/*
 * Big files of the board, kept on this machine under an identity that is true: what cannot change while a kernel of one build runs by its
 * build-id; what changes with modules by boot id and the modules that are there now; programs and libraries, which libbcc opens again and again to
 * find symbols, by boot id, device, inode, size and times. The board is asked at each open. In ${BPFWIRE_CACHE:-$XDG_CACHE_HOME/bpfwire or
 * ~/.cache/bpfwire}/boards/SERIAL-..., so that no board can put words into another's mouth.
 *
 * /proc/kallsyms also lists what comes and goes with BPF programs and probes. A tool of libbcc that has loaded none itself looks only for
 * functions of the kernel and its modules there (its wrappers' names, syscall prefixes): for it the lines of the kernel and of modules are kept. All
 * others, and such a tool once it has programs, get the file itself.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "remote/conn.h"
#include "remote/files.h"

#define KEPT_MAX	256		/* files, and bytes of all: those not used for the longest time go */
#define KEPT_BYTES	(512ll << 20)
#define FILE_BYTES	(32ll << 20)

enum identity { BY_BUILD, BY_MODULES };

static const struct kept {
	const char *path;
	uint8_t identity;
	const char *name;
} kept[] = {
	{ "/sys/kernel/btf/vmlinux", BY_BUILD, "btf" },
	{ "/sys/kernel/kheaders.tar.xz", BY_BUILD, "kheaders" },
	{ "/proc/kallsyms", BY_MODULES, "kallsyms" },
	{ "/sys/kernel/debug/tracing/available_filter_functions", BY_MODULES, "functions" },
	{ "/sys/kernel/tracing/available_filter_functions", BY_MODULES, "functions" },
};

/* Strings of the board become a part of a file's name: nothing but letters, digits, '-' and '_' does. */
static bool plain(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return n && n <= 64 && !s[n];
}

static uint64_t hash(uint64_t h, const char *p, size_t n)
{
	for (; n--; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211ull;
	return h;
}

/* Of names, sizes and addresses: use counts go up and down. */
static int hash_modules(uint64_t *out)
{
	size_t size = 256u << 10;
	char *text = malloc(size), *line, *save = NULL;
	ssize_t n = text ? bw_file_text("/proc/modules", text, size) : -ENOMEM;

	*out = 14695981039346656037ull;
	for (line = n > 0 ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		char *field, *at = NULL;
		int i;

		for (i = 0, field = strtok_r(line, " ", &at); field; field = strtok_r(NULL, " ", &at), i++)
			if (i < 2 || i == 5)
				*out = hash(*out, field, strlen(field) + 1);
	}
	free(text);
	return n == -ENOENT ? 0 : n < 0 ? (int)n : 0;	/* a kernel without modules has no such file */
}

static int identify(const struct kept *k, struct bw_cached *c)
{
	const struct bw_board *b = bw_board();
	uint64_t modules;
	int n;

	if (!plain(b->serial) || !plain(k->identity == BY_BUILD ? b->build_id : b->boot_id))
		return BW_NOT_OURS;
	if (k->identity == BY_BUILD)
		n = snprintf(c->name, sizeof(c->name), "%s-%s-%s", b->serial, k->name, b->build_id);
	else if (hash_modules(&modules))
		return BW_NOT_OURS;
	else
		n = snprintf(c->name, sizeof(c->name), "%s-%s-%s-%016llx", b->serial, k->name, b->boot_id, (unsigned long long)modules);
	return n < (int)sizeof(c->name) ? 0 : BW_NOT_OURS;
}

/* Below the root of a process's file system, but not a pseudo file there. */
static bool is_program(const char *path)
{
	const char *p = path + 6;

	if (strncmp(path, "/proc/", 6) || strspn(p, "0123456789") == 0)
		return false;
	p += strspn(p, "0123456789");
	if (strncmp(p, "/root/", 6))
		return false;
	p += 6 + strspn(p + 6, "/");
	return strncmp(p, "proc/", 5) && strncmp(p, "sys/", 4) && strncmp(p, "dev/", 4) && !strstr(p, "/..") && !strstr(p, "//") && *p != '.';
}

static int identify_program(const char *path, int oflags, struct bw_cached *c)
{
	const struct bw_board *b = bw_board();
	struct stat st;
	int n;

	n = bw_file_stat(path, !(oflags & O_NOFOLLOW), &st);
	if (n)
		return n == -ENOENT ? n : BW_NOT_OURS;
	if (!plain(b->serial) || !plain(b->boot_id) || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILE_BYTES)
		return BW_NOT_OURS;
	n = snprintf(c->name, sizeof(c->name), "%s-file-%s-%llx-%llx-%llx-%llx.%lx-%llx.%lx", b->serial, b->boot_id, (long long)st.st_dev,
		     (long long)st.st_ino, (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec,
		     st.st_ctim.tv_nsec);
	return n < (int)sizeof(c->name) ? 0 : BW_NOT_OURS;
}

static int directory(char *out, size_t size)
{
	const char *own = getenv("BPFWIRE_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	if (own && own[0] == '/')
		n = snprintf(out, size, "%s/boards", own);
	else if (xdg && xdg[0] == '/')
		n = snprintf(out, size, "%s/bpfwire/boards", xdg);
	else if (home && home[0] == '/')
		n = snprintf(out, size, "%s/.cache/bpfwire/boards", home);
	else
		return -ENOENT;
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

int bw_cache_find(const char *path, int oflags, struct bw_cached *c)
{
	char dir[512], file[800];
	size_t i;
	int fd, err;

	c->name[0] = 0;
	c->stable_part = false;
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]) && strcmp(path, kept[i].path); i++)
		;
	if ((i == sizeof(kept) / sizeof(kept[0]) && !is_program(path)) || directory(dir, sizeof(dir)) || bw_conn_ready())
		return BW_NOT_OURS;
	if (i == sizeof(kept) / sizeof(kept[0]))
		err = identify_program(path, oflags, c);
	else if ((c->stable_part = !strcmp(kept[i].name, "kallsyms")) && (!bw_has_libbcc() || bw_programs_held()))
		err = BW_NOT_OURS;
	else
		err = identify(&kept[i], c);
	if (err) {
		c->name[0] = 0;
		return err;
	}
	snprintf(file, sizeof(file), "%s/%s", dir, c->name);
	fd = BW_REAL(open)(file, O_RDONLY | O_NOFOLLOW | (oflags & O_CLOEXEC));
	if (fd < 0)
		return BW_NOT_OURS;
	bw_sys(SYS_utimensat, (long)fd, NULL, NULL, 0L);	/* it was used now */
	bw_verbose(1, "open %s: kept copy of the board's", path);
	return fd;
}

/* ---- keeping ---- */

/* Length of the lines before the first that comes and goes; 0 where the addresses are hidden. */
static size_t stable_len(const uint8_t *data, size_t len)
{
	static const char *const passing[] = { "\t[bpf]\n", "\t[__builtin__ftrace]\n", "\t[__builtin__kprobes]\n" };
	const char *p = (const char *)data, *end = p + len;
	size_t i;

	if (len < 17 || !strncmp(p, "0000000000000000", 16))
		return 0;
	for (i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		const char *at = memmem(p, (size_t)(end - p), passing[i], strlen(passing[i]));

		while (at && at > p && at[-1] != '\n')
			at--;
		if (at)
			end = at;
	}
	return (size_t)(end - p);
}

static void make_directories(char *dir)
{
	char *p;

	for (p = dir + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		BW_REAL(mkdir)(dir, 0700);
		*p = '/';
	}
	BW_REAL(mkdir)(dir, 0700);
}

/* Removes the file that was not used for the longest time if there are too many or they are too large. True: look again. */
static bool prune(const char *dir)
{
	char path[800], oldest[800] = "";
	struct timespec when = { INT64_MAX, 0 };
	DIR *d = BW_REAL(opendir)(dir);
	struct dirent *e;
	struct stat st;
	int64_t bytes = 0;
	int n = 0;

	while (d && (e = BW_REAL(readdir)(d))) {
		if (e->d_name[0] == '.' || snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path) || BW_REAL(lstat)(path, &st))
			continue;
		n++;
		bytes += st.st_size;
		if (st.st_mtim.tv_sec < when.tv_sec) {
			when = st.st_mtim;
			strcpy(oldest, path);
		}
	}
	if (d)
		BW_REAL(closedir)(d);
	return (n > KEPT_MAX || bytes > KEPT_BYTES) && !BW_REAL(unlink)(oldest);
}

static bool write_all(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		long n = bw_sys(SYS_write, (long)fd, p, len);

		if (n <= 0 && n != -EINTR)
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return true;
}

void bw_cache_keep(const struct bw_cached *c, const uint8_t *data, size_t len)
{
	char dir[512], file[800], temp[840];
	int saved = errno, fd, tries;

	if (!c->name[0] || !len || directory(dir, sizeof(dir)) || (c->stable_part && !(len = stable_len(data, len))))
		return;
	make_directories(dir);
	snprintf(file, sizeof(file), "%s/%s", dir, c->name);
	snprintf(temp, sizeof(temp), "%s.%d", file, (int)bw_getpid());
	fd = BW_REAL(open)(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		bool whole = write_all(fd, data, len);

		BW_REAL(close)(fd);
		if (!whole || BW_REAL(rename)(temp, file))
			BW_REAL(unlink)(temp);
		for (tries = 0; tries < 16 && prune(dir); tries++)
			;
	}
	errno = saved;
}
