/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor of `bpfwired --gadget`: a process that serves nothing and so has nothing to die of, and that puts the gadget back when the one
 * that serves is gone. It is the process that was started; the one that serves is its child, and ends with it.
 *
 *	the child dies	it starts again at once, and if it is not back within BW_AGAIN_MS (or died as soon as it was), the gadget is mended, without
 *			our function, and the next start comes after a pause that doubles: BW_PAUSE_MIN_MS to BW_PAUSE_MAX_MS
 *	a first start fails, or the child ends by itself with 0: all is mended, and the supervisor ends with its status
 *	SIGTERM, SIGINT, SIGHUP: so does the child, killed after BW_STOP_MS
 */
#ifndef BW_DAEMON_SUPERVISE_H
#define BW_DAEMON_SUPERVISE_H

#define BW_AGAIN_MS	1200	/* leaves time for the mending, within the two seconds that are promised */
#define BW_STEADY_MS	10000	/* who lived that long may start again at once */
#define BW_PAUSE_MIN_MS	1000
#define BW_PAUSE_MAX_MS	60000
#define BW_STOP_MS	15000	/* more than a daemon takes to end its sessions */

struct bw_supervised {
	/* In the child: serve, and return the exit status. One byte is written to ready when the gadget is bound. */
	int (*serve)(void *arg, int ready);
	/* In the supervisor, with no child alive: the gadget as it was. Does nothing where nothing is to be done. */
	void (*mend)(void *arg);
	void *arg;
};

/* Returns in the supervisor alone, with the exit status. Catches signals (signals.h). */
int bw_supervise(const struct bw_supervised *s);

/* The pause before start number `failures` + 1, in milliseconds. */
int bw_supervise_pause(unsigned int failures);

#endif
