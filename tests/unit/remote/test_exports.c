/* SPDX-License-Identifier: Apache-2.0 */
/* What the library exports is what real.h lists as wrapped: in remote.map, in the built library if there is one, and in this program. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/remote.h"
#include "tests/unit/check.h"

static const char *const wrapped[] = {
#define BW_X(ret, name, args) #name,
	BW_REAL_WRAPPED(BW_X)
#undef BW_X
};
#define WRAPPED (sizeof(wrapped) / sizeof(wrapped[0]))

static bool is_wrapped(const char *name)
{
	size_t i;

	for (i = 0; i < WRAPPED && strcmp(wrapped[i], name); i++)
		;
	return i < WRAPPED;
}

/* The names between "global:" and "local:". */
static int map_names(char names[][64], int max)
{
	FILE *f = fopen("remote/remote.map", "r");
	char word[64];
	int n = 0, in = 0;

	while (f && fscanf(f, "%63s", word) == 1) {
		if (!strcmp(word, "global:") || !strcmp(word, "local:")) {
			in = word[0] == 'g';
		} else if (in && n < max && word[strlen(word) - 1] == ';') {
			word[strlen(word) - 1] = 0;
			strcpy(names[n++], word);
		}
	}
	if (f)
		fclose(f);
	return n;
}

TEST("remote.map exports the wrapped names of real.h, each once, and no others")
{
	static char names[512][64];
	int n = map_names(names, 512), i, j;

	CHECK_EQ(n, WRAPPED);
	for (i = 0; i < n; i++) {
		CHECK(is_wrapped(names[i]));
		for (j = 0; j < i; j++)
			CHECK(strcmp(names[i], names[j]));
	}
}

/* This program is at O/unit/remote/test_exports, the library at O/libbpfwire-remote.so; it is not there where only this was built. */
static bool library_path(char *out, size_t size)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int up;

	for (up = 0; n > 0 && up < 3; n--)
		up += self[n - 1] == '/';
	if (n <= 0)
		return false;
	snprintf(out, size, "%.*s/libbpfwire-remote.so", (int)n, self);
	return !access(out, R_OK);
}

TEST("the library shows no symbol but its wrappers, and shows them all")
{
	char path[600], command[700], name[128], kind;
	size_t found = 0;
	FILE *nm;

	if (!library_path(path, sizeof(path))) {
		printf("# skipped: no library is built\n");
		return;
	}
	snprintf(command, sizeof(command), "LC_ALL=C nm -D --defined-only '%s'", path);
	nm = popen(command, "r");
	while (nm && fscanf(nm, "%*s %c %127s", &kind, name) == 2) {
		name[strcspn(name, "@")] = 0;
		if (!is_wrapped(name))
			printf("# %s\n", name);
		CHECK(is_wrapped(name));
		found++;
	}
	CHECK(nm && !pclose(nm));
	CHECK_EQ(found, WRAPPED);
}

TEST("every function of libc that a wrapper stands for is found, but for names that come and go with its versions")
{
	static const char *const optional[] = { "closefrom", "close_range", "epoll_pwait2", "fstatat", "stat", "lstat", "fstat" };
	size_t i, missing = 0;

	bw_real_init();
	for (i = 0; i < WRAPPED; i++) {
		void *const *p = (void *const *)&bw_real + i;
		size_t j;

		for (j = 0; j < sizeof(optional) / sizeof(optional[0]) && strcmp(optional[j], wrapped[i]); j++)
			;
		if (!*p && j == sizeof(optional) / sizeof(optional[0])) {
			printf("# %s\n", wrapped[i]);
			missing++;
		}
	}
	CHECK_EQ(missing, 0);
}

int main(void) { return check_done(); }
