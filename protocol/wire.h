/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bpfwire wire protocol. This header is its specification: the daemon on the board (bpfwired), the bridge on the
 * host (bpfwire-bridge), the remote module that tools load and the tests all build from it, and docs/protocol.md is the
 * same in prose. A number that is retired stays here, marked so.
 *
 * The message tree
 *
 *	link (one per pipe)                  preamble, then frames with session 0
 *	├─ HELLO      both ways, first       who is there, what it speaks
 *	├─ AUTH_*     reserved               between HELLO and the first OPEN
 *	├─ PING       both ways              is the other side alive
 *	├─ PAD        both ways              makes a transfer end short, carries nothing
 *	└─ session (one per client)          chosen by the host, never 0, never reused in a link's life
 *	   ├─ OPEN / CLOSE / CREDIT          life and flow of the session
 *	   ├─ BPF                            bpf(2), every command
 *	   ├─ PERF_OPEN, IOCTL               perf_event_open(2) and its ioctls
 *	   ├─ HANDLE_*                       close, read, write, seek on anything that has a handle
 *	   ├─ RING_*                         rings of perf events and BPF ring buffers, pushed
 *	   ├─ FILE_*                         the board's pseudo files, directories, links
 *	   ├─ CLOCKS                         the board's clocks, now
 *	   └─ CHECK                          what this kernel can do for tools, item by item
 *
 * A direction of a pipe is one byte stream. It starts with a preamble; after it come frames, without gaps. A USB transfer may
 * hold many frames and a frame may span transfers: transfers mean nothing, but that the last transfer before a silence
 * must not be a multiple of the endpoint's packet size (the receiver could not tell that it ended), which is what PAD is for.
 * Multi-byte fields are little-endian. Nothing is aligned. Over a command's standard input and output a line of the board's precedes it all (pipe.h).
 *
 *	preamble  magic[8] "BPFWIRE\n", nonce[16]
 *
 * Host to board: the nonce is random, new for each time the host opens the link; over USB the same nonce goes ahead in the
 * vendor request RESET. Board to host: the same nonce comes back. Whoever receives scans the stream for magic and nonce and
 * drops all bytes before (they are from a link that ended). The first frame after a preamble is HELLO.
 *
 *	frame     u32 length    of the whole frame: BW_FRAME_HEADER .. BW_FRAME_MAX
 *	          u16 type      enum bw_msg
 *	          u16 flags     BW_F_*
 *	          u32 session   0: the link's own
 *	          u32 request   request id, chosen by the side that asks; 0: no answer is expected
 *	          i32 status    in a reply 0 or a negative wire errno; else 0
 *	          ...           payload
 *
 * A message is one frame, or several with BW_F_MORE in all but the last: same type, session, request, and their payloads are
 * one. The status of the last one counts. The frames of a message of one session and direction follow each other with nothing between
 * but frames of other sessions and CREDIT. A message is at most BW_MSG_MAX long towards the board.
 *
 * A reply has the type, session and request id of its request and BW_F_REPLY. Requests are answered in any order.
 *
 * Credit. Each session has a window in each direction: the number of frame bytes (headers included) that its receiver is ready to
 * take. Both start at the `window` of the receiver's HELLO. A sender takes the length of each frame off before it sends it, and
 * sends nothing that would make it negative; the receiver gives back what it has consumed by CREDIT frames. CREDIT, OPEN and CLOSE are
 * not counted. The windows run from the client to the session's worker on the board; the bridge and the daemon's main process
 * only pass frames on, and end a session whose peer sends more than its window.
 *
 * Ring data has, besides, a window per ring (RING_CREDIT, in bytes of records): the free space of the ring that the tool
 * reads. So ring data never has to wait in the client, and never holds up a reply.
 *
 * A client on the bridge's Unix socket speaks the same frames, without preamble: it is greeted with the board's HELLO (session 0), sends
 * OPEN with session 0, and both sides use session 0 from then on; the bridge writes the session's number in and out. Where the board
 * cannot be used the HELLO has a negative status and a reason, and the socket is closed.
 */
#ifndef BW_PROTOCOL_WIRE_H
#define BW_PROTOCOL_WIRE_H

#include <stdint.h>

#define BW_MAGIC		"BPFWIRE\n"
#define BW_MAGIC_SIZE		8u
#define BW_NONCE_SIZE		16u
#define BW_PREAMBLE_SIZE	(BW_MAGIC_SIZE + BW_NONCE_SIZE)

/* Different majors do not talk; a higher minor only adds types, capabilities and tails. */
#ifndef BW_VERSION_MAJOR	/* a test builds a program of another version */
#define BW_VERSION_MAJOR	1u
#endif
#define BW_VERSION_MINOR	0u

#define BW_FRAME_HEADER		20u
#define BW_FRAME_MAX		65536u
#define BW_PAYLOAD_MAX		(BW_FRAME_MAX - BW_FRAME_HEADER)
/* A program of a million instructions is 8 MB, BTF at most 16 MiB (BTF_MAX_SIZE), a verifier log up to 16 MiB and more. */
#define BW_MSG_MAX		(32u << 20)
/* Longest message towards a client: what one bpf(2) wrote (BW_MSG_MAX for each of two long buffers) and what it is. */
#define BW_REPLY_MAX		(2u * BW_MSG_MAX + BW_FRAME_MAX)
/* Window that both sides start with unless their HELLO says otherwise; a session's memory on either side is bounded by it. */
#define BW_WINDOW		(1u << 20)
#define BW_WINDOW_MIN		(2u * BW_FRAME_MAX)
#define BW_WINDOW_MAX		(16u << 20)
/* Longest path, name and other string that travels, without its terminating NUL, which does not travel. */
#define BW_PATH_MAX		4095u
#define BW_NAME_MAX		255u
#define BW_STRING_MAX		4095u

/* Keepalive: PING after this much silence from the other side; the link is down when nothing came for the second time. */
#define BW_PING_AFTER_MS	1500
#define BW_DEAD_AFTER_MS	4500

/* USB: what a bpfwire interface looks like. ff/42/01 is adb's, so never that subclass. */
#define BW_USB_CLASS		0xff
#define BW_USB_SUBCLASS		0x62
#define BW_USB_PROTOCOL		0x01
#define BW_USB_INTERFACE_STRING	"bpfwire"
#define BW_USB_VID		0x1d6b	/* Linux Foundation */
#define BW_USB_PID		0x0104	/* Multifunction Composite Gadget */

/*
 * Vendor requests on ep0, recipient interface (bmRequestType 0x41 out, 0xc1 in): a request to the recipient device does not reach
 * FunctionFS and stalls. They work while both bulk pipes are full.
 */
#define BW_USB_REQ_RESET	0x01	/* out, 16 bytes: the nonce; all sessions end, a new preamble follows */
#define BW_USB_REQ_STATUS	0x02	/* in, struct of BW_USB_STATUS_SIZE bytes: u16 major, u16 minor, u32 sessions, u8 nonce[16] */
#define BW_USB_STATUS_SIZE	24u

enum bw_frame_flags {
	BW_F_MORE	= 1 << 0,	/* the payload goes on in the next frame of this message */
	BW_F_REPLY	= 1 << 1,
};

enum bw_msg {
	BW_MSG_INVALID		= 0,

	/* the link */
	BW_MSG_HELLO		= 1,
	BW_MSG_PING		= 2,	/* request != 0; the reply is empty */
	BW_MSG_PAD		= 3,	/* any payload; dropped */
	BW_MSG_AUTH_CHALLENGE	= 4,	/* 4..7 reserved for authentication */
	BW_MSG_AUTH_RESPONSE	= 5,
	BW_MSG_AUTH_KEY		= 6,
	BW_MSG_AUTH_RESULT	= 7,

	/* life of a session */
	BW_MSG_OPEN		= 16,	/* host → board: struct bw_open; the reply: struct bw_opened */
	BW_MSG_CLOSE		= 17,	/* both ways, no reply; status: why, 0: the client left. Board → host: the session is gone */
	BW_MSG_CREDIT		= 18,	/* both ways: u32 bytes */
	BW_MSG_DATA		= 19,	/* both ways, sessions of BW_SERVICE_TEXT alone: bytes of its stream; none to the board: its end */

	/* kernel objects */
	BW_MSG_BPF		= 32,
	BW_MSG_PERF_OPEN	= 33,
	BW_MSG_IOCTL		= 34,
	BW_MSG_HANDLE_CLOSE	= 35,	/* u32 handle; request may be 0 */
	BW_MSG_HANDLE_READ	= 36,	/* read(2) or pread(2); of a map that can be mapped, at an offset: its memory */
	BW_MSG_HANDLE_WRITE	= 37,	/* write(2) or pwrite(2); likewise */
	BW_MSG_HANDLE_INFO	= 38,	/* readlink and contents of /proc/self/fdinfo on the board, for fdinfo users */

	/* rings */
	BW_MSG_RING_MAP		= 48,
	BW_MSG_RING_UNMAP	= 49,	/* u32 handle */
	BW_MSG_RING_CREDIT	= 50,	/* host → board, no reply: u32 handle, u32 bytes */
	BW_MSG_RING_DATA	= 51,	/* board → host, no request: see struct bw_ring_data */
	BW_MSG_RING_FLUSH	= 52,	/* u32 handle; the reply follows all data that was in the ring when it came */

	/* the board's files */
	BW_MSG_FILE_GET		= 64,	/* whole contents, and stat */
	BW_MSG_FILE_STAT	= 65,
	BW_MSG_FILE_ACCESS	= 66,
	BW_MSG_FILE_READLINK	= 67,
	BW_MSG_FILE_LIST	= 68,	/* a directory, with the stat of each entry */
	BW_MSG_FILE_OPEN	= 69,	/* to write, to stream, or a directory as an object: gives a handle */
	BW_MSG_FILE_CHANGE	= 70,	/* mkdir, rmdir, unlink, rename */
	BW_MSG_FILE_STATFS	= 71,
	BW_MSG_FILE_REALPATH	= 72,

	/* the machine */
	BW_MSG_CLOCKS		= 80,
	BW_MSG_CHECK		= 81,	/* empty; the reply: struct bw_check, one after the other */

	BW_MSG_KILL		= 82,	/* kill(2) of one process of the board: struct bw_kill; the reply is empty */

	BW_MSG_LAST		= 82,
};

/* What a session speaks: in OPEN, 0 where the field is not there. Whoever does not know it answers EPROTO. */
enum bw_service {
	BW_SERVICE_MESSAGES	= 0,	/* the messages below */
	BW_SERVICE_TEXT		= 1,	/* lines of BPFd's text protocol, in DATA frames cut anywhere (docs/text-protocol.md) */
};

/* Capabilities in HELLO. A side uses only what both have. */
enum bw_cap {
	BW_CAP_AUTH	= 1u << 0,	/* reserved: sessions need authentication first */
};

/* What a handle stands for. */
enum bw_object {
	BW_OBJ_NONE	= 0,
	BW_OBJ_MAP	= 1,
	BW_OBJ_PROG	= 2,
	BW_OBJ_LINK	= 3,
	BW_OBJ_BTF	= 4,
	BW_OBJ_ITER	= 5,
	BW_OBJ_PERF	= 6,
	BW_OBJ_FILE	= 7,
	BW_OBJ_OTHER	= 8,	/* a descriptor of the kernel's that none of these is (token, stats) */
};

/*
 * Handles are the session's own, from 1 up, the lowest free one first. On the wire 0 says "none given" where a descriptor of 0 means that to
 * the kernel, and BW_HANDLE_BAD is a descriptor that is none of the board's: the kernel is asked with -1 and its
 * own error comes back.
 */
#define BW_HANDLE_NONE	0u
#define BW_HANDLE_BAD	0xffffffffu
/* In BPF only, where the kernel's error tells them apart: a number that the tool has not open, and one that is open and nothing of the board's. */
#define BW_HANDLE_CLOSED	0xfffffffeu
#define BW_HANDLE_FOREIGN	0xfffffffdu

/* Open flags of FILE_OPEN. The raw numbers differ between architectures (O_DIRECTORY, O_NOFOLLOW). */
enum bw_open_flags {
	BW_O_RDONLY	= 0,
	BW_O_WRONLY	= 1,
	BW_O_RDWR	= 2,
	BW_O_ACCMODE	= 3,
	BW_O_CREAT	= 1 << 4,
	BW_O_EXCL	= 1 << 5,
	BW_O_TRUNC	= 1 << 6,
	BW_O_APPEND	= 1 << 7,
	BW_O_NONBLOCK	= 1 << 8,
	BW_O_DIRECTORY	= 1 << 9,
	BW_O_NOFOLLOW	= 1 << 10,
	BW_O_PATH	= 1 << 11,
	BW_O_ALL	= 0xff3,
};

/* File types in struct bw_stat: the upper four bits of st_mode, shifted down, are the same everywhere; named all the same. */
enum bw_file_type {
	BW_FT_NONE	= 0,
	BW_FT_FIFO	= 1,
	BW_FT_CHR	= 2,
	BW_FT_DIR	= 4,
	BW_FT_BLK	= 6,
	BW_FT_REG	= 8,
	BW_FT_LNK	= 10,
	BW_FT_SOCK	= 12,
};

/* Flags of FILE_GET, FILE_STAT, FILE_ACCESS, FILE_LIST. */
enum bw_file_flags {
	BW_FILE_NOFOLLOW = 1 << 0,
	BW_FILE_RECURSE	 = 1 << 1,	/* FILE_LIST: the whole tree below, or `mode` levels of it if that is not 0; entries named by relative path, no links followed */
	BW_FILE_EACCESS	 = 1 << 2,	/* FILE_ACCESS: with the effective ids */
};

/* Access modes of FILE_ACCESS: as access(2), which is the same everywhere: 4 read, 2 write, 1 execute, 0 exists. */

enum bw_change {
	BW_CHANGE_MKDIR		= 1,
	BW_CHANGE_RMDIR		= 2,
	BW_CHANGE_UNLINK	= 3,
	BW_CHANGE_RENAME	= 4,
};

/* ioctls: an own code, since the kernel's numbers hold sizes of pointers. The argument's form is with each. */
enum bw_ioctl_code {
	BW_IOC_NONE			= 0,
	BW_IOC_PERF_ENABLE		= 1,	/* u64 flags by value */
	BW_IOC_PERF_DISABLE		= 2,	/* u64 flags by value */
	BW_IOC_PERF_REFRESH		= 3,	/* u64 by value */
	BW_IOC_PERF_RESET		= 4,	/* u64 flags by value */
	BW_IOC_PERF_PERIOD		= 5,	/* in: u64 */
	BW_IOC_PERF_SET_OUTPUT		= 6,	/* handle, or BW_HANDLE_BAD for -1 */
	BW_IOC_PERF_SET_FILTER		= 7,	/* in: string */
	BW_IOC_PERF_ID			= 8,	/* out: u64 */
	BW_IOC_PERF_SET_BPF		= 9,	/* handle of a program */
	BW_IOC_PERF_PAUSE_OUTPUT	= 10,	/* u64 by value */
	BW_IOC_PERF_QUERY_BPF		= 11,	/* out: u32 prog_cnt, u32 ids[]; in value: ids_len */
	BW_IOC_PERF_MODIFY_ATTRIBUTES	= 12,	/* in: perf_event_attr */
};

enum bw_arch {
	BW_ARCH_OTHER	= 0,	/* see the machine string */
	BW_ARCH_X86_64	= 1,
	BW_ARCH_ARM64	= 2,
	BW_ARCH_ARM	= 3,
	BW_ARCH_RISCV64	= 4,
};

enum bw_lockdown {
	BW_LOCKDOWN_UNKNOWN		= 0,	/* the kernel does not say */
	BW_LOCKDOWN_NONE		= 1,
	BW_LOCKDOWN_INTEGRITY		= 2,
	BW_LOCKDOWN_CONFIDENTIALITY	= 3,	/* no kprobes, no bpf_probe_read of kernel memory */
};

/* Ring kinds in RING_MAP. */
enum bw_ring_kind {
	BW_RING_PERF	= 1,	/* the buffer of a perf event: records with struct perf_event_header */
	BW_RING_BPF	= 2,	/* BPF_MAP_TYPE_RINGBUF: records with the 8-byte ring buffer header */
};

/* Flags in RING_DATA. */
enum bw_ring_flags {
	BW_RING_WAKE	= 1 << 0,	/* the kernel signalled the reader: signal the tool when these bytes are published */
};

/* What CHECK found of one item. */
enum bw_verdict {
	BW_CHECK_OK	= 0,
	BW_CHECK_WARN	= 1,	/* some tools will not work */
	BW_CHECK_FAIL	= 2,	/* the main job cannot run */
};

/*
 * Buffers of a BPF message: what the pointers inside union bpf_attr point to. `where` is the byte offset of the pointer in the attr, or
 * BW_BUF_INFO plus the offset inside the info structure of OBJ_GET_INFO_BY_FD.
 */
#define BW_BUF_INFO	0x1000u
/*
 * Plus the `where` of a buffer IN: its words once more, each u32 as the handle of the tool's descriptor of that number. It goes
 * with buffers of which only the board knows where descriptors are (BW_MAYBE_FDS in bpfattr.h).
 */
#define BW_BUF_HANDLES	0x2000u
enum bw_buf_dir {
	BW_BUF_IN	= 1,	/* length, then that many bytes */
	BW_BUF_OUT	= 2,	/* length of the room; no bytes in the request */
	BW_BUF_INOUT	= 3,	/* length, bytes; comes back as well */
	BW_BUF_BAD	= 4,	/* the tool's pointer is not readable memory: the kernel is asked with a bad pointer too */
};
#define BW_BPF_ATTR_MAX	1024u
#define BW_BPF_BUFS_MAX	24u

#endif
