// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "tests/bench/procs.h"
#include "tests/bench/session.h"

/* idle SECONDS [SOCKET]: what the programs do while nobody asks them for anything; with SOCKET, while one session is open and silent */
int bench_idle(int argc, char **argv)
{
	const char *name = argc > 2 ? "session" : "idle";
	struct procs before, after;
	struct client c = { 0 };
	int seconds;

	if (argc < 2 || argc > 3)
		return 2;
	seconds = atoi(argv[1]);
	if (argc > 2)
		session_open(&c, argv[2]);
	sleep(2);		/* what was under way comes to its end */
	procs_before(&before);
	sleep((unsigned int)seconds);
	procs_after(&after);
	for (int i = ROLE_BRIDGE; i < ROLES; i++) {
		if (!after.of[i].rss_kib)
			continue;
		report((double)(after.of[i].switches - before.of[i].switches) / seconds, "per-s", "%s.wakeups.%s", name, role_names[i]);
		report((double)after.of[i].rss_kib, "KiB", "%s.rss.%s", name, role_names[i]);
	}
	client_close(&c);
	return 0;
}
