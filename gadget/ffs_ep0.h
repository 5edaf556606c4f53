/* SPDX-License-Identifier: Apache-2.0 */
/* The control endpoint: events of the function, and the vendor requests of wire.h. No state but what is below. */
#ifndef BW_GADGET_FFS_EP0_H
#define BW_GADGET_FFS_EP0_H

#include <linux/usb/functionfs.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "protocol/wire.h"

/*
 * The data phase of a control transfer is a read or write of ep0 that waits for the host, which may be gone without the controller saying so.
 * The limit: SIGALRM interrupts it.
 */
#define BW_EP0_LIMIT_MS 1000

struct bw_ep0 {
	int fd;
	timer_t timer;
	bool has_timer;
};

int bw_ep0_init(struct bw_ep0 *e, int fd);	/* takes fd over when it succeeds */
void bw_ep0_fini(struct bw_ep0 *e);
/* 1: *event is the next one; 0: none; negative errno. Never waits. */
int bw_ep0_next(struct bw_ep0 *e, struct usb_functionfs_event *event);

enum bw_ep0_request {
	BW_EP0_OTHER,		/* not ours, or of a wrong length: to be stalled */
	BW_EP0_RESET,
	BW_EP0_STATUS,
};
enum bw_ep0_request bw_ep0_request(const struct usb_ctrlrequest *setup);

/* The rest of the transfer whose SETUP event came last. -EIDRM: the host gave it up; -ETIMEDOUT: it did not go on; 0. */
int bw_ep0_read_nonce(struct bw_ep0 *e, uint8_t nonce[BW_NONCE_SIZE]);
int bw_ep0_write_status(struct bw_ep0 *e, uint32_t sessions, const uint8_t nonce[BW_NONCE_SIZE]);
void bw_ep0_stall(struct bw_ep0 *e, const struct usb_ctrlrequest *setup);

void bw_ep0_put_status(uint8_t out[BW_USB_STATUS_SIZE], uint32_t sessions, const uint8_t nonce[BW_NONCE_SIZE]);

#endif
