/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded reading and writing of little-endian fields.
 *
 * A reader never reads past its end and never aligns. Its error is sticky: after the first short or refused field every getter returns 0
 * or NULL, so that a decoder reads all fields and looks at `err` once. A buffer grows by itself; its error (-ENOMEM) is sticky too.
 * No thread safety: one owner each.
 */
#ifndef BW_PROTOCOL_BUF_H
#define BW_PROTOCOL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bw_reader {
	const uint8_t *p;
	size_t left;
	int err;		/* 0 or -EPROTO */
};

/* A string inside somebody's buffer: not NUL-terminated, and without NUL inside (the getter refuses one). */
struct bw_str {
	const char *p;
	uint32_t len;
};

struct bw_buf {
	uint8_t *data;
	size_t len, cap;
	int err;		/* 0 or -ENOMEM */
};

void bw_reader_init(struct bw_reader *r, const void *p, size_t len);
uint8_t bw_get_u8(struct bw_reader *r);
uint16_t bw_get_u16(struct bw_reader *r);
uint32_t bw_get_u32(struct bw_reader *r);
uint64_t bw_get_u64(struct bw_reader *r);
int32_t bw_get_i32(struct bw_reader *r);
int64_t bw_get_i64(struct bw_reader *r);
/* A view of the next len bytes, valid as long as the buffer read from; NULL if there are fewer. len 0 gives a non-NULL pointer. */
const uint8_t *bw_get_bytes(struct bw_reader *r, size_t len);
/* u32 length and that many bytes: at most max, no NUL among them. */
struct bw_str bw_get_str(struct bw_reader *r, uint32_t max);
/* What is left must be nothing but zero bytes (the tail of a newer minor version): else -EPROTO. Returns r->err. */
int bw_get_end(struct bw_reader *r);

void bw_buf_free(struct bw_buf *b);		/* and makes it empty; NULL is fine */
void bw_buf_reset(struct bw_buf *b);		/* empty, memory kept, error cleared */
void bw_put_u8(struct bw_buf *b, uint8_t v);
void bw_put_u16(struct bw_buf *b, uint16_t v);
void bw_put_u32(struct bw_buf *b, uint32_t v);
void bw_put_u64(struct bw_buf *b, uint64_t v);
void bw_put_i32(struct bw_buf *b, int32_t v);
void bw_put_i64(struct bw_buf *b, int64_t v);
void bw_put_bytes(struct bw_buf *b, const void *p, size_t len);
void bw_put_str(struct bw_buf *b, const char *s);			/* NULL counts as "" */
void bw_put_strn(struct bw_buf *b, const char *s, size_t len);
/* Room for len bytes at the end, counted as written; NULL on -ENOMEM. Valid until the next put. */
uint8_t *bw_put_room(struct bw_buf *b, size_t len);

/* Copy of s with a NUL behind, to be freed; NULL without memory. */
char *bw_str_dup(struct bw_str s);
bool bw_str_eq(struct bw_str s, const char *c);

#endif
