/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled BPF objects (CO-RE, .bpf.o), loaded by libbpf, attached and pinned. One source for both sides of the cable: it is linked into bpfwired for
 * the board, and into libexec/bpfwire/load for the host, where the library of `bpfwire run` carries its calls to the board. It knows of libbpf and of the
 * kernel's user interface, and neither of the wire nor of sessions.
 *
 * What is pinned lies in one directory of a BPF file system, which is the object's alone: DIR/MAP for each map, DIR/PROGRAM for each program, which is the link
 * where it is attached and the program itself where it is not, as bpftool's `prog loadall OBJ DIR pinmaps DIR autoattach` has it. So removing the
 * directory is unloading. Maps that say themselves where they are pinned (LIBBPF_PIN_BY_NAME) are shared, and stay.
 *
 * Functions say what is wrong, in one line; of what libbpf and the verifier said before, the warnings are on stderr already.
 */
#ifndef BW_LOADER_LOADER_H
#define BW_LOADER_LOADER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "loader/options.h"

#define BW_BPFFS "/sys/fs/bpf"

/* Does what the options say and returns an exit status: 0, 1 after saying why. Blocks, with --stay until SIGTERM, SIGINT or SIGHUP. */
int bw_load_object(const struct bw_load_options *o);
int bw_unload(const struct bw_load_options *o);

/* True for what begins as any ELF file does. false with errno: it cannot be read. */
bool bw_load_is_elf(const char *file);

/* ---- signals.c ---- */
/* From here on a signal for an orderly end waits, for bw_load_await or, with `on` false, for this call. */
void bw_load_hold(bool on);
void bw_load_await(void);

/* ---- pins.c ---- */
struct bw_pins {
	char dir[PATH_MAX];		/* "": nothing is pinned */
	bool made;
	char **v;			/* paths */
	size_t n;
};

/* The directory that is meant: NAME is one below BW_BPFFS. 0, or -errno after saying why. */
int bw_pins_dir(const char *given, char out[PATH_MAX]);
bool bw_pins_is_root(const char *dir);	/* of its file system, or not there */
/* The name that an object has by its file's: up to the first dot, as libbpf has it. */
void bw_pins_name(const char *file, char *out, size_t size);
/* Makes the directory; one that is there must be empty. 0, or -errno after saying why. */
int bw_pins_init(struct bw_pins *p, const char *given);
int bw_pins_remember(struct bw_pins *p, const char *path);	/* to be removed with the rest; 0 or -ENOMEM */
/*
 * Dots become underscores: the kernel keeps them for itself. 0, or -errno after saying why; but -EINVAL and -EBADF, which it does not tell, are of something that
 * cannot be pinned (of USDT libbpf has not even a descriptor).
 */
int bw_pins_add(struct bw_pins *p, int fd, const char *name);
/* keep: the user's now. Else all of it is removed again. */
void bw_pins_fini(struct bw_pins *p, bool keep);

#endif
