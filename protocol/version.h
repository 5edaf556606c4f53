/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BW_PROTOCOL_VERSION_H
#define BW_PROTOCOL_VERSION_H

#define BW_VERSION "0.1.0"	/* of the programs; the protocol's own version is in wire.h */

#endif
