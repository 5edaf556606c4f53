// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include "loader/loader.h"

static void ours(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

void bw_load_hold(bool on)
{
	sigset_t set;

	ours(&set);
	sigprocmask(on ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

void bw_load_await(void)
{
	sigset_t set;
	int sig;

	ours(&set);
	while (sigwait(&set, &sig))
		;
}
