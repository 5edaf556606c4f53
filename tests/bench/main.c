// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/bench/bench.h"

static const struct {
	const char *name, *arguments;
	int (*run)(int argc, char **argv);
} parts[] = {
	{ "raw-board", "", bench_raw_board },
	{ "raw-ping", "NODE COUNT OUT IN", bench_raw_ping },
	{ "raw-stream", "NODE NAME KIB", bench_raw_stream },
	{ "lookup", "NAME SOCKET COUNT", bench_lookup },
	{ "transfers", "SOCKET COUNT", bench_transfers },
	{ "events", "NAME SOCKET ringbuf|perf RING-BYTES MS", bench_events },
	{ "idle", "SECONDS [SOCKET]", bench_idle },
};

int main(int argc, char **argv)
{
	int r = 2;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && argc > 1; i++)
		if (!strcmp(argv[1], parts[i].name))
			r = parts[i].run(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && r == 2; i++)
		fprintf(stderr, "%s bench %s %s\n", i ? "      " : "usage:", parts[i].name, parts[i].arguments);
	return r;
}
