// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-bridge/bridge.h"
#include "host-bridge/finder.h"
#include "host-bridge/worker.h"
#include "protocol/log.h"
#include "protocol/version.h"
#include "protocol/wire.h"

static const char usage[] =
	"usage: bpfwire-bridge [options]\n"
	"Finds bpfwire boards on USB and offers each as a Unix socket DIR/SERIAL. Stays in the foreground.\n"
	"\n"
	"  --dir DIR                where the sockets are (else $BPFWIRE_DIR, $XDG_RUNTIME_DIR/bpfwire, /run/bpfwire)\n"
	"  --group GROUP            system-wide: members of GROUP may use the boards (sockets 0660)\n"
	"  --exit-when-idle SECONDS end after this time without a client\n"
	"  --device NODE            only the board with this device node, as /dev/bus/usb/001/004\n"
	"  --spawn COMMAND          no USB: the board behind a command that speaks on stdin and stdout\n"
	"  --serial NAME            its name, with --spawn (default: spawned)\n"
	"  -v, --verbose            say more: each session, each failed attempt\n"
	"  --version, --help\n";

enum { OPT_DIR = 256, OPT_GROUP, OPT_IDLE, OPT_DEVICE, OPT_SPAWN, OPT_SERIAL, OPT_SYSFS, OPT_VERSION, OPT_HELP };

static const struct option options[] = {
	{ "dir", required_argument, NULL, OPT_DIR },
	{ "group", required_argument, NULL, OPT_GROUP },
	{ "exit-when-idle", required_argument, NULL, OPT_IDLE },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "spawn", required_argument, NULL, OPT_SPAWN },
	{ "serial", required_argument, NULL, OPT_SERIAL },
	{ "sysfs", required_argument, NULL, OPT_SYSFS },	/* for tests */
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

struct args {
	struct bw_bridge_options bridge;
	const char *dir, *group;
	int verbose;
	int done;		/* nothing else to do: exit with status */
	int status;
};

static void stop(struct args *a, int status)
{
	a->done = 1;
	a->status = status;
}

static void bad(struct args *a)
{
	fputs("Try 'bpfwire-bridge --help'.\n", stderr);
	stop(a, 2);
}

static void parse_idle(struct args *a, const char *text)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (*end || end == text || v < 1 || v > 86400) {
		bw_log(BW_LOG_ERROR, "--exit-when-idle %s: give seconds, 1 to 86400", text);
		bad(a);
	}
	a->bridge.idle_s = (int)v;
}

static void parse_option(struct args *a, int opt)
{
	switch (opt) {
	case OPT_DIR:
		a->dir = optarg;
		break;
	case OPT_GROUP:
		a->group = optarg;
		break;
	case OPT_IDLE:
		parse_idle(a, optarg);
		break;
	case OPT_DEVICE:
		a->bridge.node = optarg;
		break;
	case OPT_SPAWN:
		a->bridge.command = optarg;
		break;
	case OPT_SERIAL:
		a->bridge.serial = optarg;
		break;
	case OPT_SYSFS:
		a->bridge.sysfs = optarg;
		break;
	case 'v':
		a->verbose++;
		break;
	case OPT_VERSION:
		printf("bpfwire-bridge %s (protocol %u.%u)\n", BW_VERSION, BW_VERSION_MAJOR, BW_VERSION_MINOR);
		stop(a, 0);
		break;
	case OPT_HELP:
		fputs(usage, stdout);
		stop(a, 0);
		break;
	default:
		bad(a);
	}
}

static void parse(struct args *a, int argc, char **argv)
{
	int opt;

	while (!a->done && (opt = getopt_long(argc, argv, "v", options, NULL)) >= 0)
		parse_option(a, opt);
	if (a->done)
		return;
	if (optind < argc) {
		bw_log(BW_LOG_ERROR, "unexpected argument '%s'", argv[optind]);
		bad(a);
	} else if (a->bridge.command && a->bridge.node) {
		bw_log(BW_LOG_ERROR, "--spawn and --device exclude each other: a board is behind a command or on USB");
		bad(a);
	} else if (a->bridge.serial && !a->bridge.command) {
		bw_log(BW_LOG_ERROR, "--serial names the board of --spawn; boards on USB have their own");
		bad(a);
	}
}

static int run(struct args *a)
{
	struct bw_directory dir;
	char path[256], err[512];
	int r;

	if (bw_directory_path(a->dir, path, sizeof(path)) < 0) {
		bw_log(BW_LOG_ERROR, "the name of the directory is too long: choose another with --dir");
		return 1;
	}
	r = bw_directory_open(&dir, path, a->group, err, sizeof(err));
	if (r < 0) {
		bw_log(BW_LOG_ERROR, "%s", err);
		return 1;
	}
	a->bridge.dir = &dir;
	bw_log(BW_LOG_DEBUG, "boards appear in %s", dir.path);
	r = bw_bridge_run(&a->bridge);
	if (r < 0)
		bw_log(BW_LOG_ERROR, "cannot run: %s", strerror(-r));
	bw_directory_close(&dir);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct args a = { .bridge = { .sysfs = BW_FINDER_SYSFS } };

	if (argc > 1 && !strcmp(argv[1], BW_WORKER_ARG))
		return bw_worker_main(argc, argv);
	bw_log_init("bpfwire-bridge", BW_LOG_INFO);
	parse(&a, argc, argv);
	if (a.done)
		return a.status;
	if (a.verbose)
		bw_log_init("bpfwire-bridge", BW_LOG_DEBUG);
	if (a.bridge.command && !a.bridge.serial)
		a.bridge.serial = "spawned";
	return run(&a);
}
