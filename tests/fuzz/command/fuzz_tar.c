// SPDX-License-Identifier: Apache-2.0
/* The tar reader on any bytes: whatever it lets through stays inside. Checksums are made right first, as no fuzzer would find them. */
#include <stdlib.h>
#include <string.h>

#include "remote/command/tar.h"
#include "tests/unit/command/archive.h"

struct source {
	const uint8_t *p;
	size_t left;
};

static ssize_t take(void *arg, void *buf, size_t len)
{
	struct source *s = arg;

	len = len < s->left ? len : s->left;
	memcpy(buf, s->p, len);
	s->p += len;
	s->left -= len;
	return (ssize_t)len;
}

static void must(int claim)
{
	if (!claim)
		abort();
}

static void check_name(const char *name)
{
	const char *p = name;
	size_t n;

	must(*name && *name != '/' && strlen(name) <= BW_TAR_NAME_MAX);
	for (; *p; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		must(n && !(n == 1 && *p == '.') && !(n == 2 && !memcmp(p, "..", 2)));
	}
	must(p[-1] != '/');
}

/* By walking it, in a way that is not the reader's: how high the link goes from where it lies. */
static void check_target(const char *name, const char *target)
{
	long depth = 0;
	const char *p;
	size_t n;

	must(*target && *target != '/');
	for (p = name; *p; p++)
		depth += *p == '/';
	for (p = target; *p; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		if (n == 2 && !memcmp(p, "..", 2))
			depth--;
		must(depth >= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1), buf[1000];
	struct source s = { copy, size };
	uint64_t total = 0;
	struct bw_tar t;
	ssize_t n;
	size_t at;
	int r;

	memcpy(copy, data, size);
	for (at = 0; at + 512 <= size; at += 512)
		if (!memcmp(copy + at + 257, "ustar", 5))
			archive_sum(copy + at);
	bw_tar_init(&t, take, &s);
	while ((r = bw_tar_next(&t)) > 0) {
		check_name(t.name);
		if (t.type == BW_TAR_SYMLINK)
			check_target(t.name, t.target);
		must(t.type == BW_TAR_FILE || !t.size);
		for (at = 0; t.type == BW_TAR_FILE && (size & 1) && (n = bw_tar_data(&t, buf, sizeof(buf))) > 0; at += (size_t)n)
			must(at + (size_t)n <= t.size);
		total += t.size;
		must(total <= BW_TAR_TOTAL_MAX);
	}
	must(r == 0 || t.why);
	free(copy);
	return 0;
}
