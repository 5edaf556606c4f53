/* SPDX-License-Identifier: Apache-2.0 */
/* The program that is to run: where it is, and what can be known of it before it runs. */
#ifndef BW_COMMAND_PROGRAM_H
#define BW_COMMAND_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

struct bw_program {
	char path[PATH_MAX];		/* of the command itself */
	char loaded[PATH_MAX];		/* what the kernel loads for it: itself, or the interpreter of a script */
	bool is_static;			/* no dynamic linker: LD_PRELOAD does nothing */
	bool is_setid;			/* setuid or setgid, which no_new_privs makes of no effect: also on the linker, so LD_PRELOAD works */
	bool has_caps;			/* file capabilities: the linker ignores LD_PRELOAD */
	bool is_foreign;		/* an ELF file of another class or machine than this one */
};

/*
 * Looks for name in PATH, /usr/sbin and /sbin (a name with a slash is a path) and looks into the file. 0; -ENOENT, or -EACCES (there, but
 * not executable, or a directory).
 */
int bw_program_find(const char *name, struct bw_program *p);
/* The same for `name` alone, without looking into the file. */
int bw_program_path(const char *name, char out[PATH_MAX]);

/*
 * True if running it will probably compile with BCC, so that it is worth fetching kernel headers for: the program is linked with libbcc or is
 * bpftrace; or it, or an argument, is a script that mentions BCC or a name that holds "bcc" (python3 opensnoop.py, sh -c 'opensnoop-bpfcc').
 */
bool bw_program_wants_headers(const struct bw_program *p, char *const *args);

#endif
