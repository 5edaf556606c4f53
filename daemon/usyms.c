// SPDX-License-Identifier: Apache-2.0
#include "daemon/usyms.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/elfsyms.h"
#include "protocol/io.h"

#define PROCESSES_MAX	64	/* kept; the one that was asked for longest ago goes */
#define FILES_MAX	256
#define MAPS_MAX	65536	/* mappings of a process; more are not looked at */
#define LOOK_AGAIN_MS	500	/* for new mappings where an address is in none */

struct file {
	struct file *next;
	uint64_t dev, ino, size;
	struct timespec mtime, ctime;
	struct bw_elfsyms *syms;	/* NULL: none to be had */
};

struct mapping {
	uint64_t start, end, offset;
	char *path;			/* as the process names it; shared with its neighbours */
	bool owner;			/* of path */
	bool known;			/* file was looked for */
	struct file *file;
};

struct process {
	struct process *next;
	int32_t pid;
	uint64_t started;
	uint64_t exe_dev, exe_ino;	/* another program is in it: exec */
	struct mapping *maps;
	size_t count;
	int64_t read_at;
};

struct bw_usyms {
	struct process *processes;	/* the one asked for last is the first */
	struct file *files;
	unsigned int nprocesses, nfiles;
};

struct bw_usyms *bw_usyms_new(void)
{
	return calloc(1, sizeof(struct bw_usyms));
}

static void free_maps(struct process *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->maps[i].owner)
			free(p->maps[i].path);
	free(p->maps);
	p->maps = NULL;
	p->count = 0;
}

static void free_process(struct process *p)
{
	free_maps(p);
	free(p);
}

static void forget_files(struct bw_usyms *u)
{
	struct file *f;

	while ((f = u->files)) {
		u->files = f->next;
		bw_elfsyms_free(f->syms);
		free(f);
	}
	u->nfiles = 0;
	for (struct process *p = u->processes; p; p = p->next)
		for (size_t i = 0; i < p->count; i++)
			p->maps[i].known = false;
}

void bw_usyms_free(struct bw_usyms *u)
{
	struct process *p;

	if (!u)
		return;
	while ((p = u->processes)) {
		u->processes = p->next;
		free_process(p);
	}
	forget_files(u);
	free(u);
}

/* ---- processes ---- */

/* Field 22 of /proc/PID/stat, behind a name that may hold anything. */
static int start_time(int32_t pid, uint64_t *out)
{
	char path[48], text[1024], *p;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	n = bw_read_line(path, text, sizeof(text));
	p = n > 0 ? strrchr(text, ')') : NULL;
	if (!p || sscanf(p, ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64, out) != 1)
		return -ESRCH;
	return 0;
}

static void exe_of(int32_t pid, uint64_t *dev, uint64_t *ino)
{
	char path[48];
	struct stat st = { 0 };

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &st))
		memset(&st, 0, sizeof(st));
	*dev = st.st_dev;
	*ino = st.st_ino;
}

static int add_mapping(struct process *p, size_t *cap, const struct mapping *m, const char *path)
{
	struct mapping *last = p->count ? &p->maps[p->count - 1] : NULL, *to;

	if (p->count == *cap) {
		size_t n = *cap ? *cap * 2 : 64;
		struct mapping *maps = realloc(p->maps, n * sizeof(*maps));

		if (!maps)
			return -ENOMEM;
		p->maps = maps;
		*cap = n;
		last = p->count ? &maps[p->count - 1] : NULL;
	}
	to = &p->maps[p->count];
	*to = *m;
	to->owner = !last || strcmp(last->path, path);
	to->path = to->owner ? strdup(path) : last->path;
	if (!to->path)
		return -ENOMEM;
	p->count++;
	return 0;
}

/* Only what is a file and can be run. */
static int read_maps(struct process *p)
{
	char name[48], *line = NULL;
	size_t size = 0, cap = 0;
	int r = 0, at = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/maps", p->pid);
	f = fopen(name, "re");
	if (!f)
		return -ESRCH;
	free_maps(p);
	while (!r && p->count < MAPS_MAX && getline(&line, &size, f) > 0) {
		struct mapping m = { 0 };
		char perms[8];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %n", &m.start, &m.end, perms, &m.offset, &at) != 4)
			continue;
		line[strcspn(line, "\n")] = 0;
		if (line[at] == '/' && strchr(perms, 'x'))
			r = add_mapping(p, &cap, &m, line + at);
	}
	free(line);
	fclose(f);
	p->read_at = bw_now_ms();
	exe_of(p->pid, &p->exe_dev, &p->exe_ino);
	return r;
}

static struct process *known(struct bw_usyms *u, int32_t pid)
{
	for (struct process **at = &u->processes, *p; (p = *at); at = &p->next)
		if (p->pid == pid) {
			*at = p->next;
			p->next = u->processes;
			u->processes = p;
			return p;
		}
	return NULL;
}

static void forget(struct bw_usyms *u, struct process *gone)
{
	struct process **at = &u->processes;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	u->nprocesses--;
	free_process(gone);
}

static void forget_oldest(struct bw_usyms *u)
{
	struct process *p = u->processes;

	if (u->nprocesses < PROCESSES_MAX)
		return;
	while (p->next)
		p = p->next;
	forget(u, p);
}

static int meet(struct bw_usyms *u, int32_t pid, uint64_t started, struct process **out)
{
	struct process *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->pid = pid;
	p->started = started;
	r = read_maps(p);
	if (r) {
		free_process(p);
		return r;
	}
	forget_oldest(u);
	p->next = u->processes;
	u->processes = p;
	u->nprocesses++;
	*out = p;
	return 0;
}

static int process_of(struct bw_usyms *u, int32_t pid, struct process **out)
{
	struct process *p = known(u, pid);
	uint64_t started, dev, ino;
	int r;

	if (pid <= 0)
		return -EINVAL;
	r = start_time(pid, &started);
	if (r) {
		*out = p;
		return p ? 0 : r;
	}
	if (p && p->started != started) {
		forget(u, p);
		p = NULL;
	}
	if (!p)
		return meet(u, pid, started, out);
	exe_of(pid, &dev, &ino);
	if (dev != p->exe_dev || ino != p->exe_ino)
		read_maps(p);
	*out = p;
	return 0;
}

/* ---- files ---- */

static bool same(const struct file *f, const struct stat *st)
{
	return f->dev == st->st_dev && f->ino == st->st_ino && f->size == (uint64_t)st->st_size &&
	       !memcmp(&f->mtime, &st->st_mtim, sizeof(f->mtime)) && !memcmp(&f->ctime, &st->st_ctim, sizeof(f->ctime));
}

/*
 * Through the root of the process, which may be in a container, whose paths are its own. After a mere chroot(2) they are ours, and only its debug files
 * are below its root.
 */
static struct file *load_file(struct bw_usyms *u, int32_t pid, const char *path)
{
	char debug_root[32], root[32], full[PATH_MAX];
	struct stat st;
	struct file *f;

	snprintf(debug_root, sizeof(debug_root), "/proc/%d/root", pid);
	memcpy(root, debug_root, sizeof(root));
	if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return NULL;
	if (stat(full, &st)) {
		*root = 0;
		if (stat(path, &st))
			return NULL;
	}
	for (f = u->files; f; f = f->next)
		if (same(f, &st))
			return f;
	if (u->nfiles == FILES_MAX)
		forget_files(u);
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	*f = (struct file){ .next = u->files, .dev = st.st_dev, .ino = st.st_ino, .size = (uint64_t)st.st_size,
			    .mtime = st.st_mtim, .ctime = st.st_ctim, .syms = bw_elfsyms_open(root, path, debug_root) };
	u->files = f;
	u->nfiles++;
	return f;
}

static const struct bw_elfsyms *symbols_of(struct bw_usyms *u, const struct process *p, struct mapping *m)
{
	if (!m->known) {
		m->file = load_file(u, p->pid, m->path);
		m->known = true;	/* after load_file, which may forget all */
	}
	return m->file ? m->file->syms : NULL;
}

/* ---- questions ---- */

static struct mapping *find(struct process *p, uint64_t addr)
{
	for (size_t i = 0; i < p->count; i++)
		if (addr >= p->maps[i].start && addr < p->maps[i].end)
			return &p->maps[i];
	return NULL;
}

static struct mapping *find_fresh(struct process *p, uint64_t addr)
{
	struct mapping *m = find(p, addr);

	if (m || bw_now_ms() - p->read_at < LOOK_AGAIN_MS || read_maps(p))
		return m;
	return find(p, addr);
}

int bw_usyms_at(struct bw_usyms *u, int32_t pid, uint64_t addr, struct bw_usym *out)
{
	const struct bw_elfsyms *syms;
	struct bw_elfsym sym;
	struct process *p;
	struct mapping *m;
	uint64_t in_file;
	int r = process_of(u, pid, &p);

	if (r)
		return r;
	m = find_fresh(p, addr);
	syms = m ? symbols_of(u, p, m) : NULL;
	if (!syms || !bw_elfsyms_addr(syms, addr - m->start + m->offset, &in_file) || !bw_elfsyms_at(syms, in_file, &sym))
		return -ENOENT;
	*out = (struct bw_usym){ .name = sym.name, .module = m->path, .offset = in_file - sym.addr };
	return 0;
}

static bool is_module(const char *path, const char *module)
{
	const char *base = strrchr(path, '/') + 1;
	size_t len = strlen(module);

	if (!strcmp(path, module) || !strcmp(base, module))
		return true;
	return !strncmp(base, "lib", 3) && !strncmp(base + 3, module, len) && (base[3 + len] == '.' || base[3 + len] == '-') && strstr(base, ".so");
}

int bw_usyms_named(struct bw_usyms *u, int32_t pid, const char *name, const char *module, uint64_t *addr)
{
	struct process *p;
	int r = process_of(u, pid, &p);

	for (size_t i = 0; !r && i < p->count; i++) {
		struct mapping *m = &p->maps[i];
		const struct bw_elfsyms *syms = is_module(m->path, module) ? symbols_of(u, p, m) : NULL;
		struct bw_elfsym sym;
		uint64_t offset;

		if (!syms || !bw_elfsyms_named(syms, name, &sym) || !bw_elfsyms_offset(syms, sym.addr, &offset))
			continue;
		if (offset < m->offset || offset - m->offset >= m->end - m->start)
			continue;		/* in another mapping of the file */
		*addr = offset - m->offset + m->start;
		return 0;
	}
	return r ? r : -ENOENT;
}
