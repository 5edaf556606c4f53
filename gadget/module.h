/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel modules, for kernels that have USB functions or file systems as such and cannot load them by themselves. */
#ifndef BW_GADGET_MODULE_H
#define BW_GADGET_MODULE_H

/*
 * Runs `modprobe NAME` where there is a modprobe, and waits for it at most ten seconds. 0: it says that the module is in. -ENOENT: no modprobe here, or
 * no such module; -ETIMEDOUT. Never prints.
 */
int bw_module_load(const char *name);

#endif
