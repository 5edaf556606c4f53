// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/journal.h"
#include "loader/options.h"
#include "protocol/version.h"

enum { NO_AUTH = 256, STDIO, TEXT, CHECK, GADGET, FUNCTIONFS, UDC, VID, PID, MANUFACTURER, PRODUCT, SERIAL, RUN_DIR, VERSION_, HELP };

static const struct option longs[] = {
	{ "no-auth", no_argument, NULL, NO_AUTH }, { "stdio", no_argument, NULL, STDIO },
	{ "text", no_argument, NULL, TEXT }, { "check", no_argument, NULL, CHECK },
	{ "gadget", required_argument, NULL, GADGET }, { "functionfs", required_argument, NULL, FUNCTIONFS },
	{ "udc", required_argument, NULL, UDC }, { "vid", required_argument, NULL, VID }, { "pid", required_argument, NULL, PID },
	{ "manufacturer", required_argument, NULL, MANUFACTURER }, { "product", required_argument, NULL, PRODUCT },
	{ "serial", required_argument, NULL, SERIAL }, { "run-dir", required_argument, NULL, RUN_DIR },
	{ "verbose", no_argument, NULL, 'v' }, { "version", no_argument, NULL, VERSION_ }, { "help", no_argument, NULL, HELP },
	{ 0 }
};

static const char usage[] =
	"usage: bpfwired --no-auth [OPTION]...\n"
	"       bpfwired --stdio [OPTION]...\n"
	"       bpfwired --text [OPTION]...\n"
	"       bpfwired --check [--udc NAME]\n"
	"       bpfwired load " BW_LOAD_USAGE "\n"
	"       bpfwired unload " BW_UNLOAD_USAGE "\n"
	"Serve this board's BPF, perf events and tracing files to a host: over USB, or over standard input and output.\n"
	"Or load BPF programs into its kernel without one (bpfwired load --help).\n"
	"\n"
	"  --no-auth            serve USB to whoever holds the other end of the cable\n"
	"  --stdio              speak the protocol on standard input and output; messages go to standard error\n"
	"  --text               speak BPFd's text protocol there instead, one command a line (also when called as bpfd)\n"
	"  --check              tell what this board has for the job and what it lacks, and end\n"
	"  --gadget NAME        be one more function of a gadget that is there (ls /sys/kernel/config/usb_gadget)\n"
	"  --functionfs DIR     serve the FunctionFS that is mounted there; whoever mounted it composes and binds the gadget\n"
	"  --udc NAME           USB device controller, if there are several in /sys/class/udc\n"
	"  --vid ID, --pid ID   USB vendor and product id, hexadecimal (1d6b, 0104)\n"
	"  --manufacturer TEXT, --product TEXT\n"
	"                       USB strings\n"
	"  --serial TEXT        serial number, the board's name on the host (from the device tree, else /etc/machine-id)\n"
	"  --run-dir DIR        where to keep what must be undone after a session (" BW_RUN_DIR ")\n"
	"  -v, --verbose        log each request\n"
	"  --version, --help    show the version, this help\n"
	"\n"
	"Exit status: 0 ended by a signal or by the other end of --stdio or --text, 1 failed (--check: the main job cannot run), 2 wrong usage. Manual: bpfwired(8)\n";

static bool parse_id(const char *text, uint16_t *id)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 16);
	if (errno || *end || end == text || *text == '-' || !v || v > 0xffff)
		return false;
	*id = (uint16_t)v;
	return true;
}

static int wrong(const char *what, const char *value)
{
	fprintf(stderr, "bpfwired: %s%s%s; see bpfwired --help\n", what, value ? ": " : "", value ? value : "");
	return 2;
}

/* -1, or the exit status. */
static int take(int c, struct bw_options *o)
{
	switch (c) {
	case NO_AUTH: o->no_auth = true; break;
	case STDIO: o->stdio = true; break;
	case TEXT: o->text = true; break;
	case CHECK: o->check = true; break;
	case GADGET: o->join = optarg; break;
	case FUNCTIONFS: o->gadget.functionfs = optarg; break;
	case UDC: o->gadget.udc = optarg; break;
	case VID: return parse_id(optarg, &o->gadget.vid) ? -1 : wrong("--vid wants a hexadecimal number from 1 to ffff", optarg);
	case PID: return parse_id(optarg, &o->gadget.pid) ? -1 : wrong("--pid wants a hexadecimal number from 1 to ffff", optarg);
	case MANUFACTURER: o->gadget.manufacturer = optarg; break;
	case PRODUCT: o->gadget.product = optarg; break;
	case SERIAL: o->gadget.serial = optarg; break;
	case RUN_DIR:
		if (*optarg != '/')
			return wrong("--run-dir wants an absolute path", optarg);
		o->run_dir = optarg;
		break;
	case 'v': o->level = BW_LOG_DEBUG; break;
	case VERSION_: printf("bpfwired %s (protocol %u.%u)\n", BW_VERSION, BW_VERSION_MAJOR, BW_VERSION_MINOR); return 0;
	case HELP: fputs(usage, stdout); return 0;
	}
	return -1;
}

/* What belongs to a gadget of our own. */
static int check_identity(const struct bw_options *o)
{
	const struct bw_gadget_options *g = &o->gadget;

	if (o->join && g->functionfs)
		return wrong("--gadget and --functionfs do not go together: which of the two is it", NULL);
	if ((o->join || g->functionfs) && (g->vid || g->pid || g->manufacturer || g->product))
		return wrong("--vid, --pid, --manufacturer and --product are for a gadget of our own: the one that is there has its own", NULL);
	if (g->functionfs && g->udc)
		return wrong("--udc does not go with --functionfs: whoever composes the gadget binds it", NULL);
	return -1;
}

/* What the original was called; whoever starts that says nothing more. */
static bool called_bpfd(const char *argv0)
{
	const char *base = strrchr(argv0, '/');

	return !strcmp(base ? base + 1 : argv0, "bpfd");
}

int bw_options_parse(int argc, char **argv, struct bw_options *o)
{
	int c, r;

	memset(o, 0, sizeof(*o));
	o->level = BW_LOG_INFO;
	o->run_dir = BW_RUN_DIR;
	o->text = argc && called_bpfd(argv[0]);
	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":v", longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return wrong(c == ':' ? "this option wants a value" : "unknown or wrong option", argv[optind - 1]);
		r = take(c, o);
		if (r >= 0)
			return r;
	}
	if (optind < argc)
		return wrong("no operands are taken", argv[optind]);
	if (o->stdio && o->text)
		return wrong("--stdio and --text do not go together: which of the two is it", NULL);
	if (!o->no_auth && !o->stdio && !o->text && !o->check)
		return wrong("refusing to serve USB: this version cannot authenticate the host, and whoever holds the cable would be root here; "
			     "give --no-auth if that is what you want", NULL);
	return check_identity(o);
}
