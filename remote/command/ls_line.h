/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of `bpfwire ls`. */
#ifndef BW_COMMAND_LS_LINE_H
#define BW_COMMAND_LS_LINE_H

#include <stdio.h>

#include "protocol/msg.h"

struct bw_ls_entry {
	char *name;			/* as it is shown */
	struct bw_stat st;		/* type BW_FT_NONE: it could not be had */
	char *link;			/* what a symbolic link holds, or NULL */
};

/* How wide the columns of a listing are. */
struct bw_ls_widths {
	int nlink, uid, gid, size;
	int major, minor;		/* of devices, in the place of a size */
};

/* "drwxr-sr-t" */
void bw_ls_mode(const struct bw_stat *st, char out[11]);
/* Makes w wide enough. */
void bw_ls_measure(struct bw_ls_widths *w, const struct bw_stat *st);
/* The name; escaped: with bw_escape. w is NULL for the name alone, else all that `ls -ln` shows. */
void bw_ls_print(FILE *out, const struct bw_ls_entry *e, const struct bw_ls_widths *w, int escaped);

#endif
