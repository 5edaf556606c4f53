/* SPDX-License-Identifier: Apache-2.0 */
/* USB device controllers: which there are, and who has one. root stands for / (tests); "" is the real one. */
#ifndef BW_GADGET_UDC_H
#define BW_GADGET_UDC_H

#include <limits.h>
#include <stddef.h>

/*
 * The controller to use: wanted, or the only one. -ENODEV: there is none, or not that one; -EINVAL: several, and none wanted. The message
 * lists what there is. Else returns how many there are.
 */
int bw_udc_choose(const char *root, const char *wanted, char udc[NAME_MAX + 1], char *err, size_t errlen);

/*
 * 0 if nobody but the gadget `own` has the controller; -EBUSY with a message that names the holder: a gadget in configfs, else the
 * function driver that the controller's `function` file tells.
 */
int bw_udc_check_free(const char *root, const char *udc, const char *own, char *err, size_t errlen);

#endif
