/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `bpfwired load`, `bpfwire load` and their counterparts `unload`. */
#ifndef BW_LOADER_OPTIONS_H
#define BW_LOADER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct bw_load_options {
	bool unload;			/* which of the two it is */
	bool help;
	const char *serial;		/* bpfwire alone: the board */
	const char *pin;		/* --pin; NULL: as the file is called, unless it stays */
	const char *btf;		/* --btf: of the kernel, where that shows none */
	bool attach, stay;
	int verbose;
	char **what;			/* one file to load, or what is to be unloaded; strings and array are argv's */
	int n;
};

/* What both manuals and helps say behind the two names. */
#define BW_LOAD_USAGE	"[--pin DIR] [--attach] [--stay] [--btf FILE] [-v] FILE"
#define BW_UNLOAD_USAGE	"[-v] DIR..."

/*
 * argv[0] is "load" or "unload"; serial: -s SERIAL is taken too. 0; or -EINVAL, and err says what is wrong with the line.
 */
int bw_load_options_parse(int argc, char **argv, bool serial, struct bw_load_options *o, char *err, size_t size);

#endif
