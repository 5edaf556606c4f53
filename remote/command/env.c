// SPDX-License-Identifier: Apache-2.0
/*
 * bpfwire env: an environment instead of a wrapper. What it prints is for a shell of POSIX's kind. LD_PRELOAD and ARCH are not in it: they would put git and make
 * on the board too.
 *
 * BPFWIRE_ENV is the directory that is in PATH; BPFWIRE_ENV_SERIAL what BPFWIRE_SERIAL was before -s: "=VALUE", or "-" where it was not set.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "remote/command/board.h"
#include "remote/command/command.h"
#include "remote/command/look.h"
#include "remote/command/wrappers.h"

/* Without what a shell could take for more than text; one command a line, which holds also where eval's argument is not quoted. */
static void print_export(const char *name, const char *value)
{
	printf("%s='", name);
	for (; *value; value++) {
		if (*value == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*value);
	}
	printf("'; export %s;\n", name);
}

static void print_unset(const char *name)
{
	printf("unset %s;\n", name);
}

/* PATH without dir, each empty entry in its place; NULL: there is nothing left. To be freed. */
static char *path_without(const char *path, const char *dir)
{
	char *out = strdup(path), *to = out;
	bool any = false;
	size_t n;

	for (; out; path += n + 1) {
		n = strcspn(path, ":");
		if (n != strlen(dir) || strncmp(path, dir, n)) {
			if (any)
				*to++ = ':';
			any = true;
			memcpy(to, path, n);
			to += n;
		}
		if (!path[n])
			break;
	}
	if (out)
		*to = 0;
	if (!any) {
		free(out);
		return NULL;
	}
	return out;
}

/* The user's own PATH; NULL: none is set. To be freed. */
static char *own_path(const char *dir)
{
	const char *path = getenv("PATH"), *old = getenv("BPFWIRE_ENV");
	bw_cleanup_free char *without = path && old && *old ? path_without(path, old) : path ? strdup(path) : NULL;

	return without ? path_without(without, dir) : NULL;
}

static int print_serial(const char *serial)
{
	const char *was = getenv("BPFWIRE_SERIAL");
	bw_cleanup_free char *saved = NULL;

	if (!getenv("BPFWIRE_ENV_SERIAL")) {
		if (asprintf(&saved, "%s%s", was ? "=" : "-", was ? was : "") < 0) {
			saved = NULL;
			return -ENOMEM;
		}
		print_export("BPFWIRE_ENV_SERIAL", saved);
	}
	print_export("BPFWIRE_SERIAL", serial);
	return 0;
}

static int print_set(const char *serial)
{
	bw_cleanup_free char *own = NULL, *path = NULL;
	char dir[PATH_MAX];
	int n = bw_wrappers_refresh(dir);

	if (n < 0)
		return BW_EXIT_FAILED;
	if (!n)
		bw_log(BW_LOG_WARN, "env: there are no BPF tools in PATH, /usr/sbin and /sbin (*-bpfcc, bpftool, bpftrace): install some, then do this again");
	own = own_path(dir);
	if (asprintf(&path, "%s%s%s", dir, own ? ":" : "", own ? own : "") < 0) {
		path = NULL;
		return BW_EXIT_FAILED;
	}
	print_export("PATH", path);
	print_export("BPFWIRE_ENV", dir);
	return serial && print_serial(serial) ? BW_EXIT_FAILED : BW_EXIT_OK;
}

static int print_reset(void)
{
	const char *dir = getenv("BPFWIRE_ENV"), *serial = getenv("BPFWIRE_ENV_SERIAL");
	bw_cleanup_free char *own = NULL;

	if (dir && getenv("PATH")) {
		own = own_path(dir);
		if (own)
			print_export("PATH", own);
		else
			print_unset("PATH");
	}
	if (dir)
		print_unset("BPFWIRE_ENV");
	if (serial && *serial == '=')
		print_export("BPFWIRE_SERIAL", serial + 1);
	else if (serial)
		print_unset("BPFWIRE_SERIAL");
	if (serial)
		print_unset("BPFWIRE_ENV_SERIAL");
	return BW_EXIT_OK;
}

int bw_cmd_env(int argc, char **argv)
{
	static const struct option options[] = { { "serial", required_argument, NULL, 's' }, { "unset", no_argument, NULL, 'u' }, { 0 } };
	const char *serial = NULL;
	bool unset = false;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:s:", options, NULL)) != -1) {
		if (opt != 's' && opt != 'u')
			return bw_option_error(opt, argv);
		if (opt == 'u')
			unset = true;
		else
			serial = optarg;
	}
	if (optind < argc)
		return bw_usage_error("env takes no argument '%s'", argv[optind]);
	if (serial && unset)
		return bw_usage_error("env: --unset removes what -s set, and takes none");
	if (serial && !bw_serial_is_valid(serial))
		return bw_usage_error("env: '%s' is no serial number", serial);
	return bw_look_flush("env", unset ? print_reset() : print_set(serial));
}
