// SPDX-License-Identifier: Apache-2.0
#include "remote/command/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "protocol/io.h"

/* A script whose interpreter is a script ...: the kernel gives up at five. */
#define INTERPRETERS_MAX 5

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr elf_ehdr;
typedef Elf64_Phdr elf_phdr;
#else
typedef Elf32_Ehdr elf_ehdr;
typedef Elf32_Phdr elf_phdr;
#endif

/* 0; -EACCES: there and not to be executed; -EPERM: whether it is there may not be known; -ENOENT. */
static int check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == EACCES ? -EPERM : -ENOENT;
	return S_ISREG(st.st_mode) && !access(path, X_OK) ? 0 : -EACCES;
}

/* True for what `bpfwire env` put into PATH: of a tool and its wrapper the tool is meant. */
static bool is_wrappers(const char *dir, size_t len)
{
	const char *wrappers = getenv("BPFWIRE_ENV");

	return len && wrappers && strlen(wrappers) == len && !strncmp(dir, wrappers, len);
}

/* out is the first that can be executed, else the first that is there. */
static int find_in(const char *dirs, const char *name, char out[PATH_MAX])
{
	int err, seen = -ENOENT;
	char path[PATH_MAX];
	const char *end;

	for (;; dirs = end + 1) {
		end = strchrnul(dirs, ':');
		/* An empty entry is the current directory, as in execvp(3). */
		if (!is_wrappers(dirs, (size_t)(end - dirs)) &&
		    snprintf(path, sizeof(path), "%.*s%s%s", (int)(end - dirs), dirs, end > dirs ? "/" : "./", name) < (int)sizeof(path)) {
			err = check(path);
			if (!err || (err == -EACCES && seen != err))
				memcpy(out, path, sizeof(path));
			if (!err)
				return 0;
			if (err == -EACCES)
				seen = err;
		}
		if (!*end)
			return seen;
	}
}

int bw_program_path(const char *name, char out[PATH_MAX])
{
	const char *path = getenv("PATH");
	char system[PATH_MAX];
	int err, err2;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/')) {
		if (snprintf(out, PATH_MAX, "%s", name) >= PATH_MAX)
			return -ENOENT;
		err = check(out);
		return err == -EPERM ? -EACCES : err;
	}
	err = find_in(path ? path : "/usr/local/bin:/usr/bin:/bin", name, out);
	if (!err)
		return 0;
	err2 = find_in("/usr/sbin:/sbin", name, system);
	if (!err2 || (err2 == -EACCES && err == -ENOENT))
		memcpy(out, system, sizeof(system));
	return err2 == -ENOENT ? err : err2;
}

/*
 * At most size - 1 bytes from the start of a file, with a NUL behind; returns how many. It may be no more than an argument, so nothing is opened
 * that does something when it is opened or read (a device, a FIFO; trace_pipe), nor what will be the board's.
 */
static size_t read_start(const char *path, char *buf, size_t size)
{
	bw_cleanup_fd int fd = -1;
	struct stat st;
	ssize_t n = 0;

	if (strncmp(path, "/proc/", 6) && strncmp(path, "/sys/", 5) && strncmp(path, "/boot/", 6) && !stat(path, &st) && S_ISREG(st.st_mode))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		n = read(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

/* The interpreter that "#!" names; through env(1) the program that env will run. */
static bool interpreter(const char *path, char out[PATH_MAX])
{
	char line[512], *word, *save, *name;

	if (read_start(path, line, sizeof(line)) < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[strcspn(line, "\n")] = 0;
	word = strtok_r(line + 2, " \t", &save);
	if (!word)
		return false;
	name = strrchr(word, '/');
	if (name && !strcmp(name, "/env"))
		while ((name = strtok_r(NULL, " \t", &save)))
			if (*name != '-' && !strchr(name, '='))
				return !bw_program_path(name, out);
	snprintf(out, PATH_MAX, "%s", word);
	return true;
}

static void look_at_privileges(struct bw_program *p)
{
	struct stat st;

	if (stat(p->loaded, &st) < 0)
		return;
	/* Without a change of the ids it is as any other. */
	p->is_setid = ((st.st_mode & S_ISUID) && st.st_uid != getuid()) || ((st.st_mode & S_ISGID) && st.st_gid != getgid());
	/* The linker is in its secure mode (ld.so(8)), even though no_new_privs takes the capabilities away. */
	p->has_caps = getuid() != 0 && getxattr(p->loaded, "security.capability", NULL, 0) > 0;
}

static bool read_elf_header(const char *path, elf_ehdr *eh)
{
	bw_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd >= 0 && pread(fd, eh, sizeof(*eh), 0) == sizeof(*eh) && !memcmp(eh->e_ident, ELFMAG, SELFMAG);
}

static bool has_linker(const char *path, const elf_ehdr *eh)
{
	bw_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	elf_phdr ph;
	int i;

	for (i = 0; fd >= 0 && i < eh->e_phnum; i++)
		if (pread(fd, &ph, sizeof(ph), (off_t)(eh->e_phoff + (size_t)i * eh->e_phentsize)) == sizeof(ph) && ph.p_type == PT_INTERP)
			return true;
	return fd < 0;
}

static void look_at_elf(struct bw_program *p)
{
	elf_ehdr eh, self;

	if (!read_elf_header(p->loaded, &eh) || !read_elf_header("/proc/self/exe", &self))
		return;
	p->is_foreign = eh.e_ident[EI_CLASS] != self.e_ident[EI_CLASS] || eh.e_machine != self.e_machine;
	p->is_static = !p->is_foreign && !has_linker(p->loaded, &eh);
}

int bw_program_find(const char *name, struct bw_program *p)
{
	char next[PATH_MAX];
	int err, i;

	memset(p, 0, sizeof(*p));
	err = bw_program_path(name, p->path);
	if (err)
		return err;
	memcpy(p->loaded, p->path, sizeof(p->loaded));
	for (i = 0; i < INTERPRETERS_MAX && interpreter(p->loaded, next); i++)
		memcpy(p->loaded, next, sizeof(p->loaded));
	look_at_privileges(p);
	look_at_elf(p);
	return 0;
}

static bool mentions_bcc(const char *text, size_t len)
{
	return memmem(text, len, "bcc", 3) || memmem(text, len, "bpfcc", 5) || memmem(text, len, "bpftrace", 8);
}

/* An argument: a command line or program text, a name, or a script to look into. */
static bool is_about_bcc(const char *word)
{
	const char *slash = strrchr(word, '/');
	const char *name = strpbrk(word, " \t\n;") || !slash ? word : slash + 1;
	char text[65536];
	size_t n;

	if (mentions_bcc(name, strlen(name)))
		return true;
	n = read_start(word, text, sizeof(text));
	return n > 4 && memcmp(text, ELFMAG, SELFMAG) && mentions_bcc(text, n);
}

/* DT_NEEDED says libbcc: without parsing, as a false yes costs little. */
static bool links_bcc(const char *path)
{
	bw_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[65536];
	ssize_t n;

	/* .dynstr is near the start. */
	n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	return n > 4 && !memcmp(text, ELFMAG, SELFMAG) && memmem(text, (size_t)n, "libbcc", 6);
}

bool bw_program_wants_headers(const struct bw_program *p, char *const *args)
{
	if (is_about_bcc(p->path) || links_bcc(p->path))
		return true;
	for (; *args; args++)
		if (is_about_bcc(*args))
			return true;
	return false;
}
