// SPDX-License-Identifier: Apache-2.0
#include "remote/command/environ.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/wire.h"
#include "remote/command/headers.h"
#include "remote/command/place.h"

static int set(const char *name, const char *value)
{
	return setenv(name, value, 1) < 0 ? -errno : 0;
}

/* name=a SEP b, without the separator where one of them is empty. */
static int set_joined(const char *name, const char *a, const char *sep, const char *b)
{
	bw_cleanup_free char *joined = NULL;

	if (asprintf(&joined, "%s%s%s", a, *a && *b ? sep : "", b) < 0) {
		joined = NULL;
		return -ENOMEM;
	}
	return set(name, joined);
}

static const char *get(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

int bw_path_list_add(const char *variable, const char *path)
{
	return set_joined(variable, get(variable), ":", path);
}

/* True if one of the words of list is item. */
static bool has_word(const char *list, const char *seps, const char *item)
{
	size_t n;

	for (; *list; list += n + (list[n] != 0)) {
		n = strcspn(list, seps);
		if (n == strlen(item) && !strncmp(list, item, n))
			return true;
	}
	return false;
}

static int preload(void)
{
	char library[PATH_MAX];
	int err = bw_place_find(BW_PART_LIBRARY, library);

	if (err)
		return err;
	if (strpbrk(library, " :")) {
		bw_log(BW_LOG_ERROR, "%s: LD_PRELOAD cannot name a path with a blank or a colon; install bpfwire elsewhere", library);
		return -EINVAL;
	}
	/* Twice is once: a `bpfwire run` below another. */
	if (has_word(get("LD_PRELOAD"), " :", library))
		return 0;
	return set_joined("LD_PRELOAD", library, ":", get("LD_PRELOAD"));
}

/* An ausyscall(8) with the board's numbers goes before the machine's own. */
static int shadow_path(void)
{
	char libexec[PATH_MAX], bin[PATH_MAX + 8];
	int err = bw_place_find(BW_PART_LIBEXEC, libexec);

	if (err)
		return err;
	snprintf(bin, sizeof(bin), "%s/bin", libexec);
	if (has_word(get("PATH"), ":", bin))
		return 0;
	return set_joined("PATH", bin, ":", *get("PATH") ? get("PATH") : "/usr/local/bin:/usr/bin:/bin");
}

/* BCC's name of an architecture (its ARCH, as in the kernel's arch/), NULL if BCC has none. */
static const char *bcc_arch(uint8_t arch)
{
	switch (arch) {
	case BW_ARCH_X86_64:	return "x86";
	case BW_ARCH_ARM64:	return "arm64";
	case BW_ARCH_RISCV64:	return "riscv64";
	default:		return NULL;
	}
}

/* What the user names is used as it is: who builds kernels knows when another's headers do. */
static void warn_if_other(const struct bw_board *b, const char *dir)
{
	char release[65];

	bw_headers_release(dir, release, sizeof(release));
	if (*release && strcmp(release, b->release))
		bw_log(BW_LOG_WARN, "BCC_KERNEL_SOURCE=%s is of kernel %s, and the board runs %s: what a tool reads from kernel structures may be wrong", dir,
		       release, b->release);
}

/*
 * Two different answers to "are there headers": what is here costs nothing and is always given; what must be fetched is
 * fetched only for a tool that will want it.
 */
static int set_headers(struct bw_board *b, bool wanted)
{
	const char *given = get("BCC_KERNEL_SOURCE");
	char dir[PATH_MAX];
	int err;

	if (*given && bw_headers_usable(given)) {
		if (wanted)
			warn_if_other(b, given);
		return 0;
	}
	if (*given && wanted)
		bw_log(BW_LOG_WARN, "BCC_KERNEL_SOURCE=%s holds no kernel headers (include/linux/kconfig.h): looking for those of %s", given, b->release);
	err = bw_headers_find(b, wanted ? BW_HEADERS_FETCH : BW_HEADERS_HERE, dir);
	if (err && wanted && err != -ENOENT)	/* which the helper has explained */
		bw_log(BW_LOG_WARN, "no kernel headers of %s: libexec/bpfwire/headers failed: %s; give them by BCC_KERNEL_SOURCE=DIR", b->release,
		       strerror(-err));
	if (err)
		err = bw_headers_find(b, BW_HEADERS_NONE, dir);
	if (err) {
		bw_log(BW_LOG_ERROR, "cannot keep BCC from this machine's headers: libexec/bpfwire/headers --none failed: %s", strerror(-err));
		return err;
	}
	return set("BCC_KERNEL_SOURCE", dir);
}

static int set_bcc(const struct bw_board *b, bool wanted)
{
	const char *arch = bcc_arch(b->arch);

	/* It would compile for this machine's registers, and what the tool shows would be wrong. */
	if (!arch && wanted) {
		bw_log(BW_LOG_ERROR, "BCC cannot compile for %s (%s): use a tool that needs no compiler, as bpftool or those of libbpf", bw_arch_name(b->arch),
		       b->machine);
		return -EOPNOTSUPP;
	}
	if (!arch)
		return unsetenv("ARCH") < 0 ? -errno : 0;
	return set("ARCH", arch);
}

int bw_environ_set(const struct bw_run *r, struct bw_board *b, const struct bw_program *p, char *const *args)
{
	bool wanted = bw_program_wants_headers(p, args);
	char number[16];
	int err;

	err = set_headers(b, wanted);
	if (!err)
		err = set_bcc(b, wanted);
	if (!err)
		err = preload();
	if (!err)
		err = shadow_path();
	if (!err)
		err = set("BPFWIRE_SOCKET", b->path);
	if (!err)
		err = set("BPFWIRE_SERIAL", b->serial);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	if (!err)
		err = set("BPFWIRE_MAIN", number);
	if (!err && r->allow_kill)
		err = set("BPFWIRE_ALLOW_KILL", "1");
	snprintf(number, sizeof(number), "%d", r->verbose);
	if (!err && r->verbose)
		err = set("BPFWIRE_VERBOSE", number);
	return err;
}
