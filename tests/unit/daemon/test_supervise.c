// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/check.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/init.h"
#include "daemon/supervise.h"
#include "protocol/io.h"
#include "protocol/log.h"

/* Shared with the children. */
static struct shared {
	volatile int starts, mends;
	volatile int64_t died, mended;		/* the first ones */
} *shared;

static int (*scene)(int start, int ready);

static void say_ready(int ready) { bw_write_full(ready, "", 1); }

static int serve(void *arg, int ready)
{
	(void)arg;
	return scene(++shared->starts, ready);
}

static void mend(void *arg)
{
	(void)arg;
	if (!shared->mends++)
		shared->mended = bw_now_ms();
}

static void crash(void)
{
	shared->died = bw_now_ms();
	kill(getpid(), SIGKILL);
}

/* In a process of its own, since it catches signals. Its exit status; killed after 20 s. */
static int supervise(int (*s)(int start, int ready), int stop_after_ms)
{
	const struct bw_supervised what = { .serve = serve, .mend = mend };
	int status;
	pid_t pid;

	bw_log_init("test", BW_LOG_ERROR);
	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset((void *)shared, 0, sizeof(*shared));
	scene = s;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(20);
		_exit(bw_supervise(&what));
	}
	if (stop_after_ms) {
		usleep((useconds_t)stop_after_ms * 1000);
		kill(pid, SIGTERM);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int fails_at_once(int start, int ready)
{
	(void)start;
	(void)ready;
	return 1;
}

static int ends_well(int start, int ready)
{
	(void)start;
	say_ready(ready);
	return 0;
}

static int dies_once(int start, int ready)
{
	say_ready(ready);
	if (start == 1)
		crash();
	return 0;
}

static int dies_then_hangs(int start, int ready)
{
	if (start == 1) {
		say_ready(ready);
		crash();
	}
	if (start == 2)
		pause();
	say_ready(ready);
	return 0;
}

static int serves(int start, int ready)
{
	(void)start;
	say_ready(ready);
	pause();
	return 7;
}

TEST("a first start that fails is mended, and its status is ours")
{
	CHECK_EQ(supervise(fails_at_once, 0), 1);
	CHECK(shared->starts == 1 && shared->mends == 1);
}

TEST("one that ends by itself ends the supervisor")
{
	CHECK_EQ(supervise(ends_well, 0), 0);
	CHECK(shared->starts == 1 && shared->mends == 1);
}

TEST("one that is killed is started again at once, without mending between")
{
	CHECK_EQ(supervise(dies_once, 0), 0);
	CHECK(shared->starts == 2 && shared->mends == 1);
}

TEST("one that does not get ready again is killed, and all is mended within two seconds of the death; it is started later")
{
	CHECK_EQ(supervise(dies_then_hangs, 0), 0);
	CHECK(shared->starts == 3 && shared->mends == 2);
	CHECK(shared->mended - shared->died >= BW_AGAIN_MS && shared->mended - shared->died < 2000);
}

TEST("SIGTERM ends both, and mends")
{
	CHECK_EQ(supervise(serves, 300), 0);
	CHECK(shared->starts == 1 && shared->mends == 1);
}

TEST("the pause doubles up to a minute")
{
	CHECK(bw_supervise_pause(0) == 1000 && bw_supervise_pause(1) == 2000 && bw_supervise_pause(5) == 32000);
	CHECK(bw_supervise_pause(6) == 60000 && bw_supervise_pause(40) == 60000 && bw_supervise_pause(~0u) == 60000);
}

TEST("an init's words that are no options are taken away, up to the first option")
{
	char *argv[] = { (char *)"/bpfwired", (char *)"splash", (char *)"quiet", (char *)"--no-auth", (char *)"--udc", (char *)"x", NULL };
	char *none[] = { (char *)"/bpfwired", (char *)"splash", NULL }, *bare[] = { (char *)"/bpfwired", NULL };

	CHECK_EQ(bw_init_args(6, argv), 4);
	CHECK(!strcmp(argv[1], "--no-auth") && !strcmp(argv[3], "x") && !argv[4]);
	CHECK(bw_init_args(2, none) == 1 && !none[1]);
	CHECK(bw_init_args(1, bare) == 1 && !bare[1]);
	CHECK(!bw_init_wanted(1, bare));
}

int main(void)
{
	return check_done();
}
