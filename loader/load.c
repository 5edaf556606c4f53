// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/object.h"
#include "protocol/log.h"

static int verbose;

/* What libbpf says holds the verifier's log, which may be a foreign board's: nothing in it moves a terminal's cursor. */
static int say(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text;
	int n;

	if ((int)level > verbose)
		return 0;
	n = vasprintf(&text, fmt, ap);
	if (n < 0)
		return n;
	for (char *c = text; *c; c++)
		if (((unsigned char)*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f)
			*c = '?';
	fputs(text, stderr);
	free(text);
	return n;
}

static int prepare_pins(struct bw_object *b)
{
	const char *given = b->o->pin;
	char name[NAME_MAX + 1];

	if (!given && b->o->stay)
		return 0;
	bw_pins_name(b->file, name, sizeof(name));
	return bw_pins_init(&b->pins, given ? given : name);
}

static void tell(const struct bw_object *b)
{
	char where[PATH_MAX + 64] = "", registered[64] = "";

	if (b->registered)
		snprintf(registered, sizeof(registered), ", %zu of them struct_ops and registered", b->registered);
	if (*b->pins.dir)
		snprintf(where, sizeof(where), "; pinned in %s", b->pins.dir);
	bw_log(BW_LOG_INFO, "%s: loaded: %zu program%s, %zu of them attached, %zu map%s%s%s%s", b->file, b->programs, b->programs == 1 ? "" : "s",
	       b->n - b->registered, b->maps, b->maps == 1 ? "" : "s", registered, where, b->o->stay ? "; stays until SIGTERM or SIGINT" : "");
}

static int load(struct bw_object *b)
{
	int r = bw_object_open(b);

	if (!r)
		r = prepare_pins(b);
	if (!r)
		r = bw_object_load(b);
	if (r)
		return r;
	/* An end by a signal from here on would leave a part of the pins. */
	bw_load_hold(true);
	if (b->o->attach)
		r = bw_object_attach(b);
	if (!r && *b->pins.dir)
		r = bw_object_pin(b);
	return r;
}

int bw_load_object(const struct bw_load_options *o)
{
	struct bw_object b = { .o = o, .file = o->what[0] };
	int r;

	verbose = o->verbose;
	libbpf_set_print(say);
	r = load(&b);
	if (!r)
		tell(&b);
	if (r == -ENOMEM)
		bw_log(BW_LOG_ERROR, "%s: cannot be loaded: %s", b.file, strerror(-r));
	if (!r && o->stay)
		bw_load_await();
	bw_object_fini(&b, !r);
	bw_load_hold(false);
	return r ? 1 : 0;
}
