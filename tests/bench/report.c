// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <time.h>

#include "tests/bench/bench.h"

void report(double value, const char *unit, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\t%.2f\t%s\n", value, unit);
}

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double percentile(double *values, int n, int p)
{
	qsort(values, (size_t)n, sizeof(*values), compare);
	return values[(n - 1) * p / 100];
}
