/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our gadget in configfs, through libusbgx: attributes, strings, one configuration, the function ffs.NAME. In this order:
 *
 *	new		makes gadget and function, or finds those that a killed daemon left; -EBUSY: another daemon has them
 *	configure
 *	(FunctionFS is mounted, descriptors are written)
 *	bind
 *	free		unbinds and removes what is ours
 *
 * Existing gadgets (--gadget NAME) are join.h's.
 */
#ifndef BW_GADGET_COMPOSE_H
#define BW_GADGET_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bw_compose;

struct bw_identity {
	uint16_t vid, pid;
	const char *manufacturer, *product, *serial;
};

/* *found: a function was there already, so that a FunctionFS that is mounted for it is its own. -EOPNOTSUPP: the kernel lacks composite gadgets or FunctionFS, also after modprobe. */
int bw_compose_new(const char *name, struct bw_compose **out, bool *found, char *err, size_t errlen);
int bw_compose_configure(struct bw_compose *c, const struct bw_identity *id, char *err, size_t errlen);
/* -EBUSY: somebody has the controller. The host may come at once: ep0 must be served. */
int bw_compose_bind(struct bw_compose *c, const char *udc, char *err, size_t errlen);
/* The host loses the device; requests on the endpoints end with -ESHUTDOWN. */
void bw_compose_unbind(struct bw_compose *c);
/* FunctionFS must be unmounted before (kernels before 5.15 do not survive the other order). NULL is fine. */
void bw_compose_free(struct bw_compose *c);

#endif
