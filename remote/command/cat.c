// SPDX-License-Identifier: Apache-2.0
/* bpfwire cat: files of the board as they are, to the last byte. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/endless.h"
#include "protocol/io.h"
#include "remote/command/command.h"
#include "remote/command/escape.h"
#include "remote/command/look.h"

#define CHUNK	(128u << 10)

struct output {
	int err;	/* of our stdout */
};

static int pass_on(void *arg, const uint8_t *data, size_t len, bool whole)
{
	struct output *o = arg;

	(void)whole;
	o->err = bw_write_full(STDOUT_FILENO, data, len);
	return o->err;
}

static void complain(const char *path, int err)
{
	fputs("cat: ", stderr);
	bw_escape(stderr, path, strlen(path), "");
	fprintf(stderr, ": %s\n", strerror(-err));
}

/* All of the files; BW_EXIT_FAILED where one could not be had. */
static int cat(struct bw_look *l, char **paths)
{
	int err, status = BW_EXIT_OK;
	struct output o = { 0 };

	for (; *paths; paths++) {
		struct bw_reads r = { .session = &l->session, .path = *paths,
				      .chunk = CHUNK, .whole = !bw_path_is_endless(*paths), .follow = true, .take = pass_on, .arg = &o };

		err = bw_reads_run(&r);
		if (o.err && o.err != -EPIPE)
			fprintf(stderr, "cat: write error: %s\n", strerror(-o.err));
		if (o.err || err == -EPIPE)	/* nobody reads us */
			return BW_EXIT_FAILED;
		if (err)
			return bw_session_complain(&l->board, "cat", err);
		if (r.status) {
			complain(*paths, r.status);
			status = BW_EXIT_FAILED;
		}
	}
	return status;
}

int bw_cmd_cat(int argc, char **argv)
{
	static const struct option options[] = { { "serial", required_argument, NULL, 's' }, { 0 } };
	const char *serial = NULL;
	struct bw_look l;
	int opt, status;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":s:", options, NULL)) != -1) {
		if (opt != 's')
			return bw_option_error(opt, argv);
		serial = optarg;
	}
	if (optind == argc)
		return bw_usage_error("cat: which file?");
	status = bw_look_open(&l, "cat", serial);
	if (status)
		return status;
	status = cat(&l, argv + optind);
	bw_look_close(&l);
	return status;
}
