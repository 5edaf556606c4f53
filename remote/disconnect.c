// SPDX-License-Identifier: Apache-2.0
/*
 * The end of a tool whose board went away. What a user wants then is what Ctrl-C gives: the tool's summary, and the end; within seconds,
 * and with an exit status that scripts can tell from the tool's own (75, EX_TEMPFAIL).
 *
 *  - A tool that handles SIGINT gets one in its main thread, and another one each time it waits for a ring again. One that has rings is given
 *    a moment to come to its next wait, which is where its author expects a Ctrl-C: Python drops a KeyboardInterrupt, with a traceback, that
 *    hits it inside a ctypes callback. One that sleeps is interrupted after that moment.
 *  - One that does not would die without writing out its buffers: it leaves by exit(3) at its next wait, or at the end of the patience.
 *  - Python, after a KeyboardInterrupt that nobody caught, kills itself by SIGINT: identity.c's kill asks bw_disconnect_kill first.
 *  - A program that holds no kernel objects (a shell that read /proc/loadavg) is left alone; its calls fail. If bpf(2) is one of them (a
 *    tool that was about to load its programs) it ends as it likes, but with our status.
 */
#include "remote/remote.h"
#include "remote/conn.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXIT_BOARD_LOST	75
#define PATIENCE_S	3
#define TO_WAIT_NS	200000000l	/* for the records that are here already; the user is to see the end within seconds */

static atomic_bool ending, interrupted;

bool bw_lost(void)
{
	return atomic_load_explicit(&bw_conn.state, memory_order_relaxed) == BW_CONN_LOST;
}

static bool sigint_is_default(void)
{
	struct sigaction sa;

	return !sigaction(SIGINT, NULL, &sa) && !(sa.sa_flags & SA_SIGINFO) && sa.sa_handler == SIG_DFL;
}

/* From another thread than the tool's: streams that it holds are left as they are. */
static void flush_unheld(FILE *f)
{
	if (ftrylockfile(f))
		return;
	fflush_unlocked(f);
	funlockfile(f);
}

static void interrupt(void)
{
	atomic_store(&interrupted, true);
	bw_sys(SYS_tgkill, (long)bw_getpid(), (long)bw_getpid(), (long)SIGINT);
}

void bw_disconnected(const char *why)
{
	struct timespec patience = { PATIENCE_S, 0 }, to_wait = { 0, TO_WAIT_NS };
	bool ours = bw_objects_held();

	bw_say("board %s disconnected (%s)", bw_board()->serial, why);
	if (!ours)
		return;
	atomic_store(&ending, true);
	bw_rings_lost();
	if (!sigint_is_default() && atomic_load(&bw_ring_count))
		bw_sys(SYS_nanosleep, &to_wait, NULL);
	/* Asked again: a Python that meanwhile ends has put the default back, by which it would die. */
	if (!sigint_is_default() && !atomic_load(&interrupted))
		interrupt();
	bw_sys(SYS_nanosleep, &patience, NULL);
	flush_unheld(stdout);
	flush_unheld(stderr);
	_exit(EXIT_BOARD_LOST);
}

/* A tool that waits again has not taken an interrupt yet. */
bool bw_disconnect_wait(void)
{
	if (!atomic_load_explicit(&ending, memory_order_relaxed) || !bw_is_owner())
		return false;
	if (sigint_is_default())
		exit(EXIT_BOARD_LOST);
	interrupt();
	errno = EINTR;
	return true;
}

void bw_disconnect_kill(pid_t pid, int sig)
{
	if (atomic_load(&ending) && bw_is_owner() && sig == SIGINT && pid == bw_getpid())
		exit(EXIT_BOARD_LOST);
}

void bw_disconnect_refused(void)
{
	if (bw_is_owner())
		atomic_store(&ending, true);
}

/* The last that runs in exit(3): handlers that the tool registered are done. */
__attribute__((destructor)) static void leave(void)
{
	if (!atomic_load(&ending) || !bw_is_owner())
		return;
	fflush(NULL);
	_exit(EXIT_BOARD_LOST);
}
