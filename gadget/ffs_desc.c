// SPDX-License-Identifier: Apache-2.0
#include "gadget/ffs_desc.h"

#include <errno.h>
#include <linux/usb/functionfs.h>
#include <string.h>
#include <unistd.h>

#include "protocol/wire.h"

#define ENGLISH		0x0409
/* Packets in a burst, less one, at super speed: 4 is what adb has shipped for years. */
#define MAX_BURST	4

#define WINUSB_PROPERTY	"DeviceInterfaceGUID"
/* Made for bpfwire; the braces belong to it. */
#define WINUSB_GUID	"{b1f7a3c2-5d0e-4e6b-9a41-62b7f17e0d62}"

static void put_interface(struct bw_buf *b)
{
	bw_put_u8(b, USB_DT_INTERFACE_SIZE);
	bw_put_u8(b, USB_DT_INTERFACE);
	bw_put_u8(b, 0);		/* bInterfaceNumber: the kernel puts in the true one */
	bw_put_u8(b, 0);		/* bAlternateSetting */
	bw_put_u8(b, 2);		/* bNumEndpoints */
	bw_put_u8(b, BW_USB_CLASS);
	bw_put_u8(b, BW_USB_SUBCLASS);
	bw_put_u8(b, BW_USB_PROTOCOL);
	bw_put_u8(b, 1);		/* iInterface: the first string */
}

static void put_endpoint(struct bw_buf *b, uint8_t address, uint16_t packet)
{
	bw_put_u8(b, USB_DT_ENDPOINT_SIZE);
	bw_put_u8(b, USB_DT_ENDPOINT);
	bw_put_u8(b, address);
	bw_put_u8(b, USB_ENDPOINT_XFER_BULK);
	bw_put_u16(b, packet);
	bw_put_u8(b, 0);		/* bInterval */
}

static void put_companion(struct bw_buf *b)
{
	bw_put_u8(b, USB_DT_SS_EP_COMP_SIZE);
	bw_put_u8(b, USB_DT_SS_ENDPOINT_COMP);
	bw_put_u8(b, MAX_BURST);
	bw_put_u8(b, 0);		/* bmAttributes: no streams */
	bw_put_u16(b, 0);		/* wBytesPerInterval */
}

static void put_speed(struct bw_buf *b, uint16_t packet, int super)
{
	put_interface(b);
	put_endpoint(b, USB_DIR_OUT | 1, packet);
	if (super)
		put_companion(b);
	put_endpoint(b, USB_DIR_IN | 2, packet);
	if (super)
		put_companion(b);
}

static void put_os_header(struct bw_buf *b, uint32_t len, uint16_t version, uint16_t index)
{
	bw_put_u8(b, 0);		/* interface */
	bw_put_u32(b, len);
	bw_put_u16(b, version);
	bw_put_u16(b, index);
	bw_put_u16(b, 1);		/* one of it */
}

static void put_os_descs(struct bw_buf *b, uint16_t version)
{
	static const char compatible[16] = "WINUSB";
	static const char reserved[6];
	const uint32_t name = sizeof(WINUSB_PROPERTY), data = sizeof(WINUSB_GUID);

	/* Extended compat id */
	put_os_header(b, 11 + 24, version, 4);
	bw_put_u8(b, 0);		/* bFirstInterfaceNumber */
	bw_put_u8(b, 1);
	bw_put_bytes(b, compatible, sizeof(compatible));
	bw_put_bytes(b, reserved, sizeof(reserved));

	/* Extended property: by this GUID programs find the interface */
	put_os_header(b, 11 + 14 + name + data, version, 5);
	bw_put_u32(b, 14 + name + data);
	bw_put_u32(b, 1);		/* a string; the kernel makes UTF-16 of it */
	bw_put_u16(b, (uint16_t)name);
	bw_put_bytes(b, WINUSB_PROPERTY, name);
	bw_put_u32(b, data);
	bw_put_bytes(b, WINUSB_GUID, data);
}

/* The second word of both blobs is their length. */
static void put_length(struct bw_buf *b)
{
	if (b->err)
		return;
	for (int i = 0; i < 4; i++)
		b->data[4 + i] = (uint8_t)(b->len >> (8 * i));
}

void bw_ffs_put_descriptors(struct bw_buf *b, enum bw_os_descs os)
{
	bw_put_u32(b, FUNCTIONFS_DESCRIPTORS_MAGIC_V2);
	bw_put_u32(b, 0);
	bw_put_u32(b, FUNCTIONFS_HAS_FS_DESC | FUNCTIONFS_HAS_HS_DESC | FUNCTIONFS_HAS_SS_DESC | (os ? FUNCTIONFS_HAS_MS_OS_DESC : 0));
	bw_put_u32(b, 3);
	bw_put_u32(b, 3);
	bw_put_u32(b, 5);
	if (os)
		bw_put_u32(b, 2);
	put_speed(b, 64, 0);
	put_speed(b, 512, 0);
	put_speed(b, 1024, 1);
	if (os)
		put_os_descs(b, os == BW_OS_DESCS ? 0x0100 : 1);
	put_length(b);
}

void bw_ffs_put_strings(struct bw_buf *b)
{
	bw_put_u32(b, FUNCTIONFS_STRINGS_MAGIC);
	bw_put_u32(b, 0);
	bw_put_u32(b, 1);		/* strings */
	bw_put_u32(b, 1);		/* languages */
	bw_put_u16(b, ENGLISH);
	bw_put_bytes(b, BW_USB_INTERFACE_STRING, sizeof(BW_USB_INTERFACE_STRING));
	put_length(b);
}

static int write_blob(int ep0, struct bw_buf *b)
{
	ssize_t n;

	if (b->err)
		return b->err;
	n = write(ep0, b->data, b->len);
	if (n < 0)
		return -errno;
	return (size_t)n == b->len ? 0 : -EIO;
}

int bw_ffs_write_descriptors(int ep0)
{
	struct bw_buf b = { 0 };
	int ret = -EINVAL;

	/* The kernel refuses what it does not know as a whole, and then waits for another try. */
	for (int os = BW_OS_DESCS; os >= BW_OS_DESCS_NONE && ret == -EINVAL; os--) {
		bw_buf_reset(&b);
		bw_ffs_put_descriptors(&b, (enum bw_os_descs)os);
		ret = write_blob(ep0, &b);
	}
	if (!ret) {
		bw_buf_reset(&b);
		bw_ffs_put_strings(&b);
		ret = write_blob(ep0, &b);
	}
	bw_buf_free(&b);
	return ret;
}
