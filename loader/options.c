// SPDX-License-Identifier: Apache-2.0
#include "loader/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { PIN = 256, ATTACH, STAY, BTF };

static const struct option load_longs[] = {
	{ "help", no_argument, NULL, 'h' }, { "serial", required_argument, NULL, 's' }, { "verbose", no_argument, NULL, 'v' },
	{ "pin", required_argument, NULL, PIN }, { "attach", no_argument, NULL, ATTACH }, { "stay", no_argument, NULL, STAY },
	{ "btf", required_argument, NULL, BTF }, { 0 }
};
static const struct option unload_longs[] = {
	{ "help", no_argument, NULL, 'h' }, { "serial", required_argument, NULL, 's' }, { "verbose", no_argument, NULL, 'v' }, { 0 }
};

static bool take(int opt, bool serial, struct bw_load_options *o)
{
	switch (opt) {
	case 'h': o->help = true; return !serial;	/* bpfwire help tells of all commands */
	case 'v': o->verbose++; return true;
	case 's': o->serial = optarg; return serial;
	case PIN: o->pin = optarg; return true;
	case ATTACH: o->attach = true; return true;
	case STAY: o->stay = true; return true;
	case BTF: o->btf = optarg; return true;
	default: return false;
	}
}

static int check(const struct bw_load_options *o, const char *name, char *err, size_t size)
{
	if (o->help)
		return 0;
	if (!o->n)
		snprintf(err, size, o->unload ? "%s: what: the name or the directory of what was loaded?" : "%s: which file?", name);
	else if (!o->unload && o->n > 1)
		snprintf(err, size, "%s: one file at a time, and '%s' is another", name, o->what[1]);
	else if (o->pin && !*o->pin)
		snprintf(err, size, "%s: --pin wants a name or a directory", name);
	else
		return 0;
	return -EINVAL;
}

int bw_load_options_parse(int argc, char **argv, bool serial, struct bw_load_options *o, char *err, size_t size)
{
	int opt;

	memset(o, 0, sizeof(*o));
	o->unload = !strcmp(argv[0], "unload");
	optind = 0;		/* forget a line before this one */
	opterr = 0;
	/* Options behind the file too, as bpftool's users write them. */
	while ((opt = getopt_long(argc, argv, serial ? ":hs:v" : ":hv", o->unload ? unload_longs : load_longs, NULL)) != -1) {
		if (opt == ':')
			snprintf(err, size, "%s: option '%s' needs a value", argv[0], argv[optind - 1]);
		else if (!take(opt, serial, o))
			snprintf(err, size, "%s: there is no option '%s'", argv[0], argv[optind - 1]);
		else
			continue;
		return -EINVAL;
	}
	o->what = argv + optind;
	o->n = argc - optind;
	return check(o, argv[0], err, size);
}
