// SPDX-License-Identifier: Apache-2.0
#include "daemon/ksyms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buf.h"
#include "protocol/io.h"

#define LOOK_AGAIN_MS	500
#define LINE_MAX_	1024

struct symbol {
	uint64_t addr;
	uint32_t name, module;		/* offsets in text */
};

struct bw_ksyms {
	struct bw_buf text;		/* names, each ended; "kernel" at 0 */
	struct symbol *all;
	size_t count, cap;
	int error;			/* of the last reading */
	bool read;
	int64_t looked;			/* bw_now_ms() when modules were looked at */
	uint64_t modules;		/* a hash of /proc/modules */
};

struct bw_ksyms *bw_ksyms_new(void)
{
	return calloc(1, sizeof(struct bw_ksyms));
}

void bw_ksyms_free(struct bw_ksyms *k)
{
	if (!k)
		return;
	bw_buf_free(&k->text);
	free(k->all);
	free(k);
}

/* FNV-1a. Names, sizes and addresses of modules; not their use counts, which change all the time. */
static uint64_t hash_modules(void)
{
	FILE *f = fopen("/proc/modules", "re");
	uint64_t h = 14695981039346656037ull;
	char line[LINE_MAX_], name[128], addr[32];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%127s %*s %*s %*s %*s %31s", name, addr) != 2)
			continue;
		for (const char *p = name; *p; p++)
			h = (h ^ (unsigned char)*p) * 1099511628211ull;
		for (const char *p = addr; *p; p++)
			h = (h ^ (unsigned char)*p) * 1099511628211ull;
	}
	if (f)
		fclose(f);
	return h;
}

static bool is_function(char type, const char *name)
{
	return strchr("tTwWiu", type) && *name != '$';	/* $x and $d mark code and data on ARM */
}

static uint32_t keep_text(struct bw_ksyms *k, const char *s)
{
	uint32_t at = (uint32_t)k->text.len;

	bw_put_bytes(&k->text, s, strlen(s) + 1);
	return at;
}

/* Of one module's symbols, which stand together, the name is kept once. */
static int add(struct bw_ksyms *k, uint64_t addr, const char *name, const char *module)
{
	const struct symbol *last = k->count ? &k->all[k->count - 1] : NULL;
	struct symbol s = { .addr = addr };

	if (k->count == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 65536;
		struct symbol *p = realloc(k->all, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		k->all = p;
		k->cap = cap;
		last = k->count ? &p[k->count - 1] : NULL;
	}
	if (*module)
		s.module = last && last->module && !strcmp((char *)k->text.data + last->module, module) ? last->module : keep_text(k, module);
	s.name = keep_text(k, name);
	k->all[k->count++] = s;
	return k->text.err;
}

static int by_addr(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	/* Of several names for one address the first of the file stays the first. */
	return x->addr < y->addr ? -1 : x->addr > y->addr ? 1 : x->name < y->name ? -1 : x->name > y->name;
}

static int read_all(struct bw_ksyms *k)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[LINE_MAX_], name[512], module[128], type;
	unsigned long long addr;
	bool any = false;
	int n, r = 0;

	if (!f)
		return -errno;
	bw_buf_reset(&k->text);
	k->count = 0;
	keep_text(k, "kernel");
	while (!r && fgets(line, sizeof(line), f)) {
		*module = 0;
		n = sscanf(line, "%llx %c %511s [%127[^]]]", &addr, &type, name, module);
		if (n < 3 || !is_function(type, name))
			continue;
		any |= addr != 0;
		r = add(k, addr, name, n > 3 ? module : "");
	}
	fclose(f);
	if (!r)
		qsort(k->all, k->count, sizeof(*k->all), by_addr);
	return r ? r : !k->count ? -ENOENT : any ? 0 : -EPERM;
}

static int fresh(struct bw_ksyms *k)
{
	int64_t now = bw_now_ms();
	uint64_t modules;

	if (k->read && now - k->looked < LOOK_AGAIN_MS)
		return k->error;
	modules = hash_modules();
	k->looked = now;
	if (!k->read || modules != k->modules) {
		k->error = read_all(k);
		k->modules = modules;
		k->read = true;
	}
	return k->error;
}

static void show(const struct bw_ksyms *k, const struct symbol *s, struct bw_ksym *out)
{
	*out = (struct bw_ksym){
		.name = (const char *)k->text.data + s->name, .module = (const char *)k->text.data + s->module, .addr = s->addr,
	};
}

int bw_ksyms_at(struct bw_ksyms *k, uint64_t addr, struct bw_ksym *out)
{
	size_t low = 0, high;
	int r = fresh(k);

	if (r)
		return r;
	for (high = k->count; low < high;) {
		size_t mid = (low + high) / 2;

		if (k->all[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return -ENOENT;
	low--;
	while (low && k->all[low - 1].addr == k->all[low].addr)
		low--;
	if (!k->all[low].addr)
		return -ENOENT;
	show(k, &k->all[low], out);
	return 0;
}

int bw_ksyms_named(struct bw_ksyms *k, const char *name, struct bw_ksym *out)
{
	int r = fresh(k);

	for (size_t i = 0; !r && i < k->count; i++)
		if (!strcmp((const char *)k->text.data + k->all[i].name, name)) {
			show(k, &k->all[i], out);
			return 0;
		}
	return r ? r : -ENOENT;
}
