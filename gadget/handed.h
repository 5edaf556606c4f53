/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A FunctionFS that someone else mounted and put into a gadget (--functionfs DIR): what must be known before its ep0 is opened.
 *
 * With the mount option no_disconnect the gadget stays bound when the function's program ends, and the next open of ep0 then waits for ever inside Linux
 * 6.1. The kernel does not show that option (FunctionFS has no show_options), so that it is found out by what it does.
 */
#ifndef BW_GADGET_HANDED_H
#define BW_GADGET_HANDED_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The last mount at dir in mountinfo (the text of /proc/self/mountinfo, see proc(5)): -ENOENT none there; -EINVAL not FunctionFS;
 * -EOPNOTSUPP its options name no_disconnect, should a kernel show it; else 0 and its source, which is the instance's name.
 */
int bw_handed_mount(const char *mountinfo, const char *dir, char instance[NAME_MAX + 1]);

/*
 * True if a gadget is bound that has this instance linked, below root. Nobody has opened ep0 yet, so that cannot be but by
 * no_disconnect, or because another program serves it.
 */
bool bw_handed_bound(const char *root, const char *instance, char gadget[NAME_MAX + 1]);

/* All of that: 0, or a line for the user. */
int bw_handed_check(const char *dir, char *err, size_t errlen);

#endif
