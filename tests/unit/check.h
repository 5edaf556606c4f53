/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unit tests' whole framework. A test's title is a claim that can be false:
 *
 *	TEST("a reader never reads past its end") { ... CHECK(r.err == -EPROTO); ... }
 *	int main(void) { return check_done(); }
 *
 * TEST bodies run before main, in the order of the file. Each prints "ok - CLAIM" or "not ok - CLAIM" with the places of the failed checks.
 */
#ifndef BW_TESTS_CHECK_H
#define BW_TESTS_CHECK_H

#include <stdio.h>
#include <string.h>

static int check_failed_here, check_failures;
static const char *check_title;

static inline void check_fail(const char *file, int line, const char *what)
{
	printf("# %s:%d: %s\n", file, line, what);
	check_failed_here = 1;
}

static inline void check_run(const char *title, void (*body)(void))
{
	check_title = title;
	check_failed_here = 0;
	body();
	check_failures += check_failed_here;
	printf("%s - %s\n", check_failed_here ? "not ok" : "ok", title);
	fflush(stdout);
}

/* tests/run-unit looks for the end: a test that leaves half-way by exit(0) would look well otherwise. */
static inline int check_done(void)
{
	puts("# the end");
	return check_failures ? 1 : 0;
}

#define CHECK(cond) do { if (!(cond)) check_fail(__FILE__, __LINE__, #cond); } while (0)
#define CHECK_EQ(a, b) do { long long check_a_ = (long long)(a), check_b_ = (long long)(b); if (check_a_ != check_b_) { \
	char check_m_[256]; snprintf(check_m_, sizeof(check_m_), "%s is %lld, not %s = %lld", #a, check_a_, #b, check_b_); \
	check_fail(__FILE__, __LINE__, check_m_); } } while (0)
#define CHECK_CAT2(a, b) a##b
#define CHECK_CAT(a, b) CHECK_CAT2(a, b)
#define TEST(title) TEST_(title, CHECK_CAT(check_body_, __LINE__), CHECK_CAT(check_ctor_, __LINE__))
#define TEST_(title, body, ctor) \
	static void body(void); \
	__attribute__((constructor)) static void ctor(void) { check_run(title, body); } \
	static void body(void)

#endif
