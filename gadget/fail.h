/* SPDX-License-Identifier: Apache-2.0 */
/* One line for the user and the errno that goes with it: return bw_fail(err, errlen, -EBUSY, "...", ...); */
#ifndef BW_GADGET_FAIL_H
#define BW_GADGET_FAIL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

__attribute__((format(printf, 4, 5)))
static inline int bw_fail(char *err, size_t errlen, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (errlen)
		vsnprintf(err, errlen, fmt, ap);
	va_end(ap);
	return code;
}

#endif
