/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of SERIAL.bpfd: BPFd's text protocol. It sends and reads lines, not frames; the bridge opens a session of the text service for it and
 * carries its bytes in DATA frames, knowing none of the lines. The board's greeting is the first that it reads, as clients of 2018 expect; where
 * there will be none, one line that says why. When it has shut down its side it still reads what the board answers.
 */
#ifndef BW_HOST_BRIDGE_TEXT_H
#define BW_HOST_BRIDGE_TEXT_H

#include "host-bridge/client.h"

/* As bw_client_read, bw_client_forward and bw_client_deliver, which call them for a client whose `text` is set. */
void bw_text_read(struct bw_client *c);
bool bw_text_forward(struct bw_client *c, size_t burst, uint32_t *last_session);
void bw_text_deliver(struct bw_client *c, const struct bw_frame *f);
/* So many bytes of the queue are written: the board may send as many more. */
void bw_text_written(struct bw_client *c, size_t len);

#endif
