// SPDX-License-Identifier: Apache-2.0
/* bpfwire dmesg: the messages of the board's kernel. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "remote/command/command.h"
#include "remote/command/kmsg.h"
#include "remote/command/look.h"

#define RECORD_MAX	8192u	/* CONSOLE_EXT_LOG_MAX, which is what one read gives at most */

struct dmesg {
	struct bw_look l;
	bool follow, decode;
	unsigned int levels;		/* a bit each; 0: all */
	char record[RECORD_MAX];
	size_t len;
	bool full;			/* nothing can be written any more */
};

static int take(void *arg, const uint8_t *data, size_t len, bool whole)
{
	struct dmesg *d = arg;
	struct bw_kmsg k;

	if (len > sizeof(d->record) - d->len)
		return -EPROTO;
	memcpy(d->record + d->len, data, len);
	d->len += len;
	if (!whole)
		return 0;
	if (!bw_kmsg_parse(&k, d->record, d->len) && (!d->levels || d->levels & 1u << k.level))
		bw_kmsg_print(stdout, &k, d->decode);
	d->len = 0;
	/* Whoever follows wants to see it now. Once nothing can be written there is nothing to be read. */
	if (d->follow)
		fflush(stdout);
	d->full = ferror(stdout);
	return d->full ? -EIO : 0;
}

static int show(struct dmesg *d)
{
	struct bw_reads r = { .session = &d->l.session, .path = "/dev/kmsg", .chunk = RECORD_MAX, .follow = d->follow, .records = true, .take = take, .arg = d };
	int err = bw_reads_run(&r);

	if (err == -EPIPE || d->full)
		return BW_EXIT_FAILED;
	if (err)
		return bw_session_complain(&d->l.board, "dmesg", err);
	if (!r.status)
		return BW_EXIT_OK;
	fprintf(stderr, "dmesg: cannot read '/dev/kmsg': %s\n", strerror(-r.status));
	return BW_EXIT_FAILED;
}

static int parse(int argc, char **argv, struct dmesg *d, const char **serial)
{
	static const struct option options[] = { { "serial", required_argument, NULL, 's' }, { "follow", no_argument, NULL, 'w' },
						 { "decode", no_argument, NULL, 'x' }, { "level", required_argument, NULL, 'l' }, { 0 } };
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":s:wxl:", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			*serial = optarg;
			break;
		case 'w':
			d->follow = true;
			break;
		case 'x':
			d->decode = true;
			break;
		case 'l':
			d->levels = bw_kmsg_levels(optarg);
			if (!d->levels)
				return bw_usage_error("dmesg: '%s' is no list of levels: emerg, alert, crit, err, warn, notice, info, debug", optarg);
			break;
		default:
			return bw_option_error(opt, argv);
		}
	}
	return optind < argc ? bw_usage_error("dmesg takes no argument '%s'", argv[optind]) : BW_EXIT_OK;
}

int bw_cmd_dmesg(int argc, char **argv)
{
	const char *serial = NULL;
	struct dmesg d = { 0 };
	int status = parse(argc, argv, &d, &serial);

	if (!status)
		status = bw_look_open(&d.l, "dmesg", serial);
	if (status)
		return status;
	status = show(&d);
	bw_look_close(&d.l);
	return bw_look_flush("dmesg", status);
}
