/* SPDX-License-Identifier: Apache-2.0 */
/* The board's serial number: where it comes from and what it may look like. */
#ifndef BW_GADGET_SERIAL_H
#define BW_GADGET_SERIAL_H

#include "gadget/gadget.h"

/* bw_gadget_serial below a directory that stands for / (tests); "" is the real one. */
int bw_serial_find(const char *root, const char *given, char serial[BW_SERIAL_MAX + 1], char *err, size_t errlen);

#endif
