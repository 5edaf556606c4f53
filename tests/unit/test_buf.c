// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "protocol/buf.h"
#include "tests/unit/check.h"
#include "tests/unit/hex.h"

TEST("numbers are little-endian and of their width")
{
	static const char want[] = "01 0201 04030201 0807060504030201 feffffff f8ffffffffffffff";
	struct bw_buf b = { 0 };
	struct bw_reader r;
	size_t len;
	uint8_t *bytes = hex_bytes(want, &len);

	bw_put_u8(&b, 1);
	bw_put_u16(&b, 0x0102);
	bw_put_u32(&b, 0x01020304);
	bw_put_u64(&b, 0x0102030405060708);
	bw_put_i32(&b, -2);
	bw_put_i64(&b, -8);
	CHECK_EQ(b.len, len);
	CHECK(!memcmp(b.data, bytes, len));
	bw_reader_init(&r, bytes, len);
	CHECK_EQ(bw_get_u8(&r), 1);
	CHECK_EQ(bw_get_u16(&r), 0x0102);
	CHECK_EQ(bw_get_u32(&r), 0x01020304);
	CHECK_EQ(bw_get_u64(&r), 0x0102030405060708);
	CHECK_EQ(bw_get_i32(&r), -2);
	CHECK_EQ(bw_get_i64(&r), -8);
	CHECK_EQ(bw_get_end(&r), 0);
	bw_buf_free(&b);
	free(bytes);
}

TEST("a reader never reads past its end, and stays in error after it tried")
{
	uint8_t *p = exact_copy("\1\2\3", 3);
	struct bw_reader r;

	bw_reader_init(&r, p, 3);
	CHECK_EQ(bw_get_u32(&r), 0);
	CHECK_EQ(r.err, -EPROTO);
	CHECK_EQ(bw_get_u8(&r), 0);
	CHECK(!bw_get_bytes(&r, 0));
	CHECK_EQ(bw_get_end(&r), -EPROTO);
	free(p);
}

TEST("no bytes at all can be read from nothing")
{
	struct bw_reader r;

	bw_reader_init(&r, NULL, 0);
	CHECK(bw_get_bytes(&r, 0) != NULL);
	CHECK_EQ(bw_get_end(&r), 0);
	CHECK(!bw_get_bytes(&r, 1));
	CHECK_EQ(r.err, -EPROTO);
}

TEST("a string over its maximum, past the end or with a NUL inside is refused and comes out empty")
{
	static const struct { const char *hex; uint32_t max; int err; } cases[] = {
		{ "03000000 616263", 3, 0 }, { "03000000 616263", 2, -EPROTO }, { "04000000 616263", 9, -EPROTO },
		{ "03000000 610063", 9, -EPROTO }, { "ffffffff 616263", UINT32_MAX, -EPROTO }, { "00000000", 0, 0 }, { "0000", 9, -EPROTO },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len;
		uint8_t *p = hex_bytes(cases[i].hex, &len);
		struct bw_reader r;
		struct bw_str s;

		bw_reader_init(&r, p, len);
		s = bw_get_str(&r, cases[i].max);
		CHECK_EQ(r.err, cases[i].err);
		if (r.err)
			CHECK(!s.p && !s.len);
		free(p);
	}
}

TEST("a buffer grows, keeps its memory over a reset, and is empty after a free")
{
	struct bw_buf b = { 0 };
	uint8_t *room;

	for (uint32_t i = 0; i < 10000; i++)
		bw_put_u32(&b, i);
	CHECK_EQ(b.len, 40000);
	CHECK_EQ(b.data[39999 - 3], 9999 & 0xff);
	bw_buf_reset(&b);
	CHECK(b.data && !b.len && b.cap >= 40000);
	room = bw_put_room(&b, 0);
	CHECK(room != NULL && !b.len);
	bw_buf_free(&b);
	CHECK(!b.data && !b.cap);
	bw_buf_free(NULL);
}

TEST("a buffer asked for more than there can be is in error, and stays so until its reset")
{
	struct bw_buf b = { 0 };

	bw_put_u8(&b, 1);
	CHECK(!bw_put_room(&b, SIZE_MAX - 4));
	CHECK_EQ(b.err, -ENOMEM);
	CHECK(!bw_put_room(&b, 1));
	bw_put_str(&b, "x");
	CHECK_EQ(b.len, 1);
	bw_buf_reset(&b);
	bw_put_u8(&b, 1);
	CHECK_EQ(b.err, 0);
	bw_buf_free(&b);
}

TEST("strings are copied with a NUL behind and compared by all their bytes")
{
	struct bw_str s = { "abcdef", 3 };
	char *c = bw_str_dup(s), *none = bw_str_dup((struct bw_str){ NULL, 0 });

	CHECK(c && !strcmp(c, "abc"));
	CHECK(none && !*none);
	CHECK(bw_str_eq(s, "abc"));
	CHECK(!bw_str_eq(s, "ab"));
	CHECK(!bw_str_eq(s, "abcd"));
	CHECK(bw_str_eq((struct bw_str){ NULL, 0 }, ""));
	free(c);
	free(none);
}

TEST("no string at all is written as an empty one")
{
	struct bw_buf b = { 0 };

	bw_put_str(&b, NULL);
	CHECK_EQ(b.len, 4);
	CHECK(!memcmp(b.data, "\0\0\0\0", 4));
	bw_buf_free(&b);
}

int main(void)
{
	return check_done();
}
