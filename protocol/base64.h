/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as RFC 4648 section 4 has it: padded, no line breaks, nothing else accepted. */
#ifndef BW_PROTOCOL_BASE64_H
#define BW_PROTOCOL_BASE64_H

#include <stddef.h>
#include <sys/types.h>

#include "protocol/buf.h"

/* How many bytes the text stands for, or -EINVAL if it is not base64. */
ssize_t bw_base64_len(const char *text, size_t len);
/* Of a text that bw_base64_len takes: writes as many bytes as that said. */
void bw_base64_decode(const char *text, size_t len, void *out);
void bw_base64_put(struct bw_buf *b, const void *data, size_t len);

#endif
