// SPDX-License-Identifier: Apache-2.0
#include "remote/command/place.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/log.h"

#define SYSTEM_DIR "/run/bpfwire"

static const struct {
	const char *name, *variable, *beside, *installed;
} parts[] = {
	[BW_PART_BRIDGE] = { "bpfwire-bridge", "BPFWIRE_BRIDGE", "bpfwire-bridge", "bin/bpfwire-bridge" },
	[BW_PART_LIBRARY] = { "libbpfwire-remote.so", "BPFWIRE_LIBRARY", "libbpfwire-remote.so", "lib/bpfwire/libbpfwire-remote.so" },
	[BW_PART_LIBEXEC] = { "libexec/bpfwire", "BPFWIRE_LIBEXEC", "libexec/bpfwire", "libexec/bpfwire" },
};

static bool there(char out[PATH_MAX], const char *dir, const char *rest)
{
	char path[PATH_MAX + 64];

	return snprintf(path, sizeof(path), "%s/%s", dir, rest) < (int)sizeof(path) && realpath(path, out) && !access(out, R_OK);
}

int bw_place_self(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);

	out[n > 0 ? n : 0] = 0;
	return n > 0 ? 0 : n ? -errno : -ENOENT;
}

/* The directory of this executable, "" if the kernel does not say. */
static void own_dir(char out[PATH_MAX])
{
	char *slash;

	bw_place_self(out);
	slash = strrchr(out, '/');
	if (slash)
		*slash = 0;
}

int bw_place_find(enum bw_part part, char out[PATH_MAX])
{
	const char *given = getenv(parts[part].variable);
	char dir[PATH_MAX], up[PATH_MAX + 3];

	if (given && *given) {
		if (realpath(given, out))
			return 0;
		bw_log(BW_LOG_ERROR, "%s=%s: %s", parts[part].variable, given, strerror(errno));
		return -ENOENT;
	}
	own_dir(dir);
	snprintf(up, sizeof(up), "%s/..", dir);
	if (there(out, dir, parts[part].beside) || there(out, up, parts[part].installed) || there(out, BW_PREFIX, parts[part].installed))
		return 0;
	bw_log(BW_LOG_ERROR, "%s is neither beside %s/bpfwire nor below %s; build or install it, or name it by %s", parts[part].name, dir, BW_PREFIX,
	       parts[part].variable);
	return -ENOENT;
}

int bw_place_cache(char *out, size_t size)
{
	static const struct {
		const char *variable, *below;
	} places[] = { { "BPFWIRE_CACHE", "" }, { "XDG_CACHE_HOME", "/bpfwire" }, { "HOME", "/.cache/bpfwire" } };
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *given = getenv(places[i].variable);

		if (!given || !*given)
			continue;
		if ((size_t)snprintf(out, size, "%s%s", given, places[i].below) < size)
			return 0;
		bw_log(BW_LOG_ERROR, "%s is too long for a path", places[i].variable);
		return -ENAMETOOLONG;
	}
	bw_log(BW_LOG_ERROR, "no place for a cache: HOME is not set; name one by BPFWIRE_CACHE");
	return -ENOENT;
}

int bw_dirs_init(struct bw_dirs *d)
{
	const char *given = getenv("BPFWIRE_DIR"), *runtime = getenv("XDG_RUNTIME_DIR");
	char cwd[PATH_MAX];
	int n;

	memset(d, 0, sizeof(*d));
	if (given && *given && *given != '/' && getcwd(cwd, sizeof(cwd)))	/* absolute, since tools change their directory */
		n = snprintf(d->own, sizeof(d->own), "%s/%s", cwd, given);
	else if (given && *given)
		n = snprintf(d->own, sizeof(d->own), "%s", given);
	else if (runtime && *runtime)
		n = snprintf(d->own, sizeof(d->own), "%s/bpfwire", runtime);
	else
		n = snprintf(d->own, sizeof(d->own), SYSTEM_DIR);
	if (n >= (int)sizeof(d->own)) {
		bw_log(BW_LOG_ERROR, "%s is too long for a path", given && *given ? "BPFWIRE_DIR" : "XDG_RUNTIME_DIR");
		return -ENAMETOOLONG;
	}
	d->v[d->n++] = d->own;
	if (!(given && *given) && strcmp(d->own, SYSTEM_DIR))
		d->v[d->n++] = SYSTEM_DIR;
	return 0;
}
