/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpfwired as the first process (rdinit=/bpfwired): it mounts what there must be, loads what lies in BW_LOAD_DIR
 * (load.h), starts the process that serves, and never ends. It reaps whatever is left to it,
 * starts the serving process again with a pause when that ends, and does what an init is asked by signals:
 *
 *	SIGINT (ctrl-alt-del), SIGTERM	end the serving process, sync, restart the board
 *	SIGUSR1, SIGUSR2		the same, halt it; switch it off (as `halt -f`'s and `poweroff`'s busybox name for an init)
 *
 * Options come from the kernel's command line: rdinit=/bpfwired -- --no-auth
 */
#ifndef BW_DAEMON_INIT_H
#define BW_DAEMON_INIT_H

#include <stdbool.h>

/* Whether we are the first process and are to behave so: not for one that speaks --stdio in a container. */
bool bw_init_wanted(int argc, char **argv);

/*
 * The kernel gives an init also the words of its command line that it does not know ("splash"), before those behind "--". Takes away what comes before
 * the first option; returns the new argc.
 */
int bw_init_args(int argc, char **argv);

/* Never returns. main is what runs in the serving process. */
__attribute__((noreturn)) void bw_init(int argc, char **argv, int (*main)(int argc, char **argv));

#endif
