// SPDX-License-Identifier: Apache-2.0
/* bpfwire devices */
#include <getopt.h>
#include <stdio.h>

#include "protocol/log.h"
#include "protocol/wire.h"
#include "remote/command/choose.h"
#include "remote/command/command.h"

static const char *lockdown_name(uint8_t lockdown)
{
	switch (lockdown) {
	case BW_LOCKDOWN_NONE:			return "none";
	case BW_LOCKDOWN_INTEGRITY:		return "integrity";
	case BW_LOCKDOWN_CONFIDENTIALITY:	return "confidentiality";
	default:				return "unknown";
	}
}

/* As adb: the serial number, a tab, the state; with -l blanks and key:value, easy to read and to cut. */
static void print_board(const struct bw_board *b, int is_long)
{
	if (!is_long) {
		printf("%s\t%s\n", b->serial, bw_board_state_name(b->state));
		return;
	}
	printf("%-22s %s", b->serial, bw_board_state_name(b->state));
	if (b->state == BW_BOARD_READY)
		printf(" arch:%s release:%s cpus:%s page:%u lockdown:%s socket:%s daemon:%s\n", bw_arch_name(b->arch), b->release, b->cpus_online,
		       b->page_size, lockdown_name(b->lockdown), b->path, b->daemon);
	else
		printf(": %s\n", b->reason);
}

int bw_cmd_devices(int argc, char **argv)
{
	static const struct option options[] = { { "long", no_argument, NULL, 'l' }, { 0 } };
	struct bw_boards l;
	int opt, is_long = 0;
	char why[1024];
	size_t i;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:l", options, NULL)) != -1) {
		if (opt != 'l')
			return bw_option_error(opt, argv);
		is_long = 1;
	}
	if (optind < argc)
		return bw_usage_error("devices takes no argument '%s'", argv[optind]);
	if (bw_boards_await(NULL, &l, why, sizeof(why)))
		return BW_EXIT_FAILED;
	for (i = 0; i < l.n; i++)
		print_board(&l.v[i], is_long);
	if (!l.n)
		bw_log(BW_LOG_INFO, "no board: %s", why);
	bw_boards_free(&l);
	return BW_EXIT_OK;
}
