// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/check.h"

#include <endian.h>
#include <linux/usb/functionfs.h>

#include "gadget/ffs_desc.h"
#include "gadget/ffs_ep0.h"
#include "protocol/wire.h"

static uint32_t le32(const uint8_t *p) { return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24; }
static uint16_t le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

/* Walks n descriptors, checks what is inside as the kernel does; returns where it ended. */
static const uint8_t *walk(const uint8_t *p, const uint8_t *end, uint32_t n, uint16_t packet)
{
	while (n--) {
		CHECK(p + 2 <= end && p[0] >= 2 && p + p[0] <= end);
		switch (p[1]) {
		case USB_DT_INTERFACE:
			CHECK_EQ(p[0], USB_DT_INTERFACE_SIZE);
			CHECK_EQ(p[4], 2);
			CHECK(p[5] == 0xff && p[6] == 0x62 && p[7] == 0x01);
			CHECK_EQ(p[8], 1);
			break;
		case USB_DT_ENDPOINT:
			CHECK_EQ(p[0], USB_DT_ENDPOINT_SIZE);
			CHECK_EQ(p[3], USB_ENDPOINT_XFER_BULK);
			CHECK_EQ(le16(p + 4), packet);
			break;
		case USB_DT_SS_ENDPOINT_COMP:
			CHECK_EQ(p[0], USB_DT_SS_EP_COMP_SIZE);
			CHECK(p[2] > 0);
			break;
		default:
			CHECK(!"a known descriptor");
		}
		p += p[0];
	}
	return p;
}

static void check_blob(enum bw_os_descs os)
{
	struct bw_buf b = { 0 };
	const uint8_t *p, *end;

	bw_ffs_put_descriptors(&b, os);
	CHECK(!b.err);
	end = b.data + b.len;
	CHECK_EQ(le32(b.data), FUNCTIONFS_DESCRIPTORS_MAGIC_V2);
	CHECK_EQ(le32(b.data + 4), b.len);
	CHECK_EQ(le32(b.data + 8), os ? 15 : 7);
	CHECK(le32(b.data + 12) == 3 && le32(b.data + 16) == 3 && le32(b.data + 20) == 5);
	p = walk(b.data + (os ? 28 : 24), end, 3, 64);
	p = walk(p, end, 3, 512);
	p = walk(p, end, 5, 1024);
	for (int i = 0; os && i < 2; i++) {
		CHECK_EQ(le16(p + 5), os == BW_OS_DESCS ? 0x100 : 1);
		CHECK_EQ(le16(p + 7), 4 + i);
		if (i) {
			CHECK_EQ(le32(p + 11), le32(p + 1) - 11);
			CHECK_EQ(le32(p + 11), 14u + le16(p + 19) + le32(p + 21 + le16(p + 19)));
		}
		p += le32(p + 1);
	}
	CHECK(p == end);
	bw_buf_free(&b);
}

TEST("descriptors are well formed at every speed, with OS descriptors and without")
{
	check_blob(BW_OS_DESCS_NONE);
	check_blob(BW_OS_DESCS_OLD);
	check_blob(BW_OS_DESCS);
}

TEST("the interface is called bpfwire")
{
	struct bw_buf b = { 0 };

	bw_ffs_put_strings(&b);
	CHECK_EQ(le32(b.data), FUNCTIONFS_STRINGS_MAGIC);
	CHECK_EQ(le32(b.data + 4), b.len);
	CHECK(!strcmp((char *)b.data + 18, "bpfwire"));
	bw_buf_free(&b);
}

static enum bw_ep0_request request(uint8_t type, uint8_t number, uint16_t len)
{
	struct usb_ctrlrequest r = { .bRequestType = type, .bRequest = number, .wLength = htole16(len) };

	return bw_ep0_request(&r);
}

TEST("only RESET with 16 bytes and STATUS with room for its answer are ours")
{
	CHECK_EQ(request(0x41, 1, 16), BW_EP0_RESET);
	CHECK_EQ(request(0xc1, 2, 24), BW_EP0_STATUS);
	CHECK_EQ(request(0xc1, 2, 64), BW_EP0_STATUS);
	for (unsigned int len = 0; len < 16; len++)
		CHECK_EQ(request(0x41, 1, (uint16_t)len), BW_EP0_OTHER);
	CHECK_EQ(request(0x41, 1, 17), BW_EP0_OTHER);
	CHECK_EQ(request(0x41, 1, 65535), BW_EP0_OTHER);
	CHECK_EQ(request(0xc1, 2, 23), BW_EP0_OTHER);
	CHECK_EQ(request(0xc1, 1, 16), BW_EP0_OTHER);
	CHECK_EQ(request(0x41, 2, 24), BW_EP0_OTHER);
	CHECK_EQ(request(0x40, 1, 16), BW_EP0_OTHER);
	CHECK_EQ(request(0x01, 1, 16), BW_EP0_OTHER);
}

TEST("STATUS has the bytes of wire.h")
{
	static const uint8_t nonce[16] = "0123456789abcdef";
	uint8_t out[BW_USB_STATUS_SIZE];

	bw_ep0_put_status(out, 0x01020304, nonce);
	CHECK(!memcmp(out, "\x01\x00\x00\x00\x04\x03\x02\x01" "0123456789abcdef", 24));
}

int main(void) { return check_done(); }
