/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `make bench`: one program that is run on the virtual board (tests/bench/guest), a part at a time. Each part prints its figures for the round, a
 * line each, and exits 0; or says on stderr what failed.
 */
#ifndef BW_TESTS_BENCH_H
#define BW_TESTS_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BENCH_LIMIT_MS	60000	/* nothing takes longer */
#define BENCH_DEPTH	8	/* transfers in flight where it is not one at a time */

#define DIE(...) do { fprintf(stderr, "bench: line %d of %s: ", __LINE__, __FILE__); fprintf(stderr, __VA_ARGS__); fputc('\n', stderr); exit(1); } while (0)
#define MUST(cond) do { if (!(cond)) DIE("%s", #cond); } while (0)

int bench_raw_board(int argc, char **argv);
int bench_raw_ping(int argc, char **argv);
int bench_raw_stream(int argc, char **argv);
int bench_lookup(int argc, char **argv);
int bench_transfers(int argc, char **argv);
int bench_events(int argc, char **argv);
int bench_idle(int argc, char **argv);

/* report.c. A figure: "NAME<tab>VALUE<tab>UNIT". */
void report(double value, const char *unit, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int64_t now_ns(void);
/* Of n values, which it sorts: that with p percent of them below it. */
double percentile(double *values, int n, int p);

#endif
