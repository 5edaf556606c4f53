/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a board's process tells the bridge that started it, as lines over a pipe:
 *
 *	clients N		connections now
 *	failed ERRNO TEXT	why it is about to end
 */
#ifndef BW_HOST_BRIDGE_REPORT_H
#define BW_HOST_BRIDGE_REPORT_H

#define BW_REPORT_LINE	512

void bw_report_clients(int fd, unsigned int clients);		/* fd -1: nobody listens */
void bw_report_failed(int fd, int err, const char *reason);

#endif
