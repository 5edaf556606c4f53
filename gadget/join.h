/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our function in a gadget that is somebody else's (--gadget NAME), by plain configfs: only our own function and its one link are made and removed, and
 * nothing that is there is read through libusbgx, which refuses function types it does not know. In this order:
 *
 *	find		looks, changes nothing
 *	add		makes the function, bound to nothing yet
 *	(FunctionFS is mounted, descriptors are written: until here the gadget works on)
 *	bind		takes the gadget from the host, links the function, gives the gadget back; or restores it
 *	unbind		the requests of the function come back
 *	restore		the gadget as it was, without our link
 *	(FunctionFS is unmounted)
 *	remove		the function
 *
 * A daemon that dies leaves the gadget unbound, since FunctionFS unregisters the whole of it. So its supervisor calls restore and remove in its place; both
 * do what is left to do, and nothing where there is nothing.
 */
#ifndef BW_GADGET_JOIN_H
#define BW_GADGET_JOIN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct bw_join {
	char gadget[NAME_MAX + 1];	/* name */
	char instance[NAME_MAX + 1];	/* of the function: ffs.INSTANCE */
	char udc[NAME_MAX + 1];		/* the controller it is bound to, or is to be bound to */
	bool was_bound;			/* before us; a gadget that was not is left unbound in the end */
	int lock;			/* one bpfwired for a gadget; or -1 */
	char dir[PATH_MAX];		/* the gadget's */
	char function[PATH_MAX];	/* functions/ffs.INSTANCE */
	char link[PATH_MAX];		/* configs/C.N/ffs.INSTANCE */
	/* Attribute writes; bw_write_file but for tests. */
	int (*write)(const char *path, const char *text);
};

/*
 * root stands for / (tests); "" is the real one. udc: for a gadget that is not bound; NULL: the only one. instance: NULL for "bpfwire", with the
 * controller's name behind where there are several. Takes the lock. -ENOENT: no such gadget, or it has no configuration; -EBUSY: another
 * bpfwired has it, or another gadget the controller; -ENODEV, -EINVAL as bw_udc_choose.
 */
int bw_join_find(struct bw_join *j, const char *root, const char *gadget, const char *instance, const char *udc, char *err, size_t errlen);
/* Ends the lock; the gadget is not touched. */
void bw_join_forget(struct bw_join *j);

/* The serial number that the gadget has among its English strings; -ENODATA: none. */
int bw_join_serial(const struct bw_join *j, char *serial, size_t size);

/* 1: the function was there already, and maybe its link, from a daemon that was killed; 0: made. -EOPNOTSUPP: no FunctionFS in this kernel; -EBUSY: another gadget has the instance. */
int bw_join_add(struct bw_join *j, char *err, size_t errlen);
/* Says so in one log line, because the host loses the gadget's other functions for a moment. After an error the gadget is restored. */
int bw_join_bind(struct bw_join *j, char *err, size_t errlen);
void bw_join_unbind(struct bw_join *j);
/* The errno of the bind, after a second of tries. A gadget that is bound without our link is not touched. */
int bw_join_restore(struct bw_join *j);
void bw_join_remove(struct bw_join *j);

#endif
