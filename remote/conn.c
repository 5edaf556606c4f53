// SPDX-License-Identifier: Apache-2.0
#include "remote/remote.h"
#include "remote/conn.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/io.h"
#include "protocol/wirecode.h"

#define GREETING_MS	5000		/* the bridge greets at once, the daemon opens a session in milliseconds */
#define OPENING_MS	8000		/* how long a board that is "being opened" is waited for */
#define RETRY_MS	100
#define WINDOW		(2u << 20)	/* what is received is consumed at once, so this is for speed alone */

struct bw_conn bw_conn = { .fd = -1 };
static struct bw_board board;
static pthread_mutex_t connect_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *socket_path(void)
{
	static const char *path;
	static atomic_bool known;

	if (!atomic_load_explicit(&known, memory_order_acquire)) {
		const char *env = getenv("BPFWIRE_SOCKET");

		path = env && *env ? strdup(env) : NULL;	/* the tool may change its environment */
		atomic_store_explicit(&known, true, memory_order_release);
	}
	return path;
}

bool bw_active(void)
{
	return socket_path() && !bw_in_receiver();
}

const struct bw_board *bw_board(void)
{
	return &board;
}

bool bw_is_owner(void)
{
	return atomic_load(&bw_conn.pid) == bw_getpid();
}

/* ---- greeting ---- */

static void keep(char *out, size_t size, struct bw_str s)
{
	size_t n = s.len < size ? s.len : size - 1;

	memcpy(out, s.p, n);
	out[n] = 0;
}

/* A list of CPUs as the kernel writes it ("0-3,6"): the highest number + 1, and how many. */
static void count_cpus(const char *list, unsigned int *top, unsigned int *count)
{
	const char *p = list;

	*top = *count = 0;
	while (*p >= '0' && *p <= '9') {
		char *end;
		unsigned long a = strtoul(p, &end, 10), b = a;

		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		if (b < a || b >= 1u << 16)
			break;
		*count += (unsigned int)(b - a + 1);
		if (b + 1 > *top)
			*top = (unsigned int)b + 1;
		p = *end == ',' ? end + 1 : end;
	}
}

static void keep_board(const struct bw_hello *h)
{
	unsigned int unused;

#define KEEP(f) keep(board.f, sizeof(board.f), h->f)
	KEEP(serial); KEEP(sysname); KEEP(nodename); KEEP(release); KEEP(version); KEEP(machine);
	KEEP(cpus_possible); KEEP(cpus_online); KEEP(build_id); KEEP(boot_id);
#undef KEEP
	/* Per-CPU values are num_possible_cpus() long: a count, not the highest number; the two differ only where possible CPUs have gaps. */
	count_cpus(board.cpus_possible, &unused, &board.ncpus_possible);
	count_cpus(board.cpus_online, &unused, &board.ncpus_online);
	if (!board.ncpus_possible)
		board.ncpus_possible = 1;
	if (!board.ncpus_online)
		board.ncpus_online = 1;
	board.arch = h->arch;
	board.lockdown = h->lockdown;
	board.page_size = h->page_size;
	board.pmu_kprobe = h->pmu_kprobe;
	board.pmu_uprobe = h->pmu_uprobe;
	board.msg_max = h->msg_max;
}

/* The next frame, before there is a receiving thread. */
static int next_frame(int fd, struct bw_stream *s, struct bw_frame *f)
{
	int64_t end = bw_now_ms() + GREETING_MS;
	int r;

	while ((r = bw_stream_next(s, f)) == 0) {
		struct pollfd p = { fd, POLLIN, 0 };
		int64_t left = end - bw_now_ms();
		struct timespec ts = { left / 1000, left % 1000 * 1000000L };
		size_t len;
		uint8_t *room;
		long n;

		if (left <= 0)
			return -ETIMEDOUT;
		n = bw_sys(SYS_ppoll, &p, 1L, &ts, NULL, 0L);
		if (n == -EINTR || n == 0)
			continue;
		room = bw_stream_room(s, &len);
		n = bw_sys(SYS_recvfrom, (long)fd, room, len, 0L, NULL, NULL);
		if (n <= 0)
			return n ? (int)n : -ECONNRESET;
		bw_stream_fed(s, (size_t)n);
	}
	return r < 0 ? r : 0;
}

/* why[] gets what to tell the user. -EAGAIN: the board is being opened, try again. */
static int greet(int fd, char *why, size_t size, uint32_t *out_window)
{
	struct bw_reader rd;
	struct bw_hello h;
	struct bw_frame f;
	int r = next_frame(fd, &bw_conn.stream, &f);

	if (r) {
		snprintf(why, size, "no greeting from the bridge: %s", strerror(-r));
		return r;
	}
	bw_reader_init(&rd, f.payload, bw_frame_payload_len(&f));
	if (f.type != BW_MSG_HELLO || bw_get_hello(&rd, &h)) {
		snprintf(why, size, "what answers there is no bpfwire-bridge of this version");
		return -EPROTO;
	}
	keep_board(&h);
	if (f.status) {
		r = bw_errno_from_wire(f.status);
		snprintf(why, size, "%.*s", (int)h.reason.len, h.reason.p);
		if (!h.reason.len)
			snprintf(why, size, "%s", strerror(-r));
		return r;
	}
	if (h.major != BW_VERSION_MAJOR) {
		snprintf(why, size, "the board speaks protocol %u, this program %u; install the same version on both", h.major, BW_VERSION_MAJOR);
		return -EPROTO;
	}
	*out_window = h.window;
	return 0;
}

static void own_comm(char *out, size_t size)
{
	char comm[17] = "";

	prctl(PR_GET_NAME, comm);
	snprintf(out, size, "%s", comm);
}

static int open_session(int fd, char *why, size_t size)
{
	struct bw_frame f = { .type = BW_MSG_OPEN, .request = 1 };
	struct bw_buf payload = { 0 }, frame = { 0 };
	struct bw_open o = { .pid = (uint32_t)bw_getpid(), .uid = (uint32_t)bw_sys(SYS_getuid), .window = WINDOW };
	char comm[17];
	int r;

	own_comm(comm, sizeof(comm));
	o.comm = (struct bw_str){ comm, (uint32_t)strlen(comm) };
	bw_put_open(&payload, &o);
	bw_frame_put_msg(&frame, &f, payload.data, payload.len);
	r = payload.err ? payload.err : frame.err;
	if (!r)
		r = bw_write_raw(fd, frame.data, frame.len, 0);
	bw_buf_free(&payload);
	bw_buf_free(&frame);
	while (!r && !(r = next_frame(fd, &bw_conn.stream, &f)) && f.type != BW_MSG_OPEN && f.type != BW_MSG_CLOSE)
		;
	if (!r)
		r = f.type == BW_MSG_CLOSE && !f.status ? -ECONNRESET : bw_errno_from_wire(f.status);
	if (!r) {
		struct bw_opened opened;
		struct bw_reader rd;

		bw_reader_init(&rd, f.payload, bw_frame_payload_len(&f));
		board.pid = bw_get_opened(&rd, &opened) ? 0 : opened.pid;
	}
	if (r)
		snprintf(why, size, "it refuses a session: %s", r == -EUSERS ? "too many are open" : strerror(-r));
	return r;
}

static int connect_socket(const char *path, char *why, size_t size)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	long fd, r;

	if (strlen(path) >= sizeof(sa.sun_path)) {
		snprintf(why, size, "the path is longer than a Unix socket's may be (%zu)", sizeof(sa.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(sa.sun_path, path);
	fd = bw_sys(SYS_socket, (long)AF_UNIX, (long)(SOCK_STREAM | SOCK_CLOEXEC), 0L);
	if (fd < 0) {
		snprintf(why, size, "%s", strerror((int)-fd));
		return (int)fd;
	}
	do
		r = bw_sys(SYS_connect, fd, &sa, (long)sizeof(sa));
	while (r == -EINTR);
	if (!r)
		return (int)fd;
	bw_sys(SYS_close, fd);
	snprintf(why, size, r == -ECONNREFUSED || r == -ENOENT ? "no bridge there; is the board plugged in? see 'bpfwire devices'" : "%s",
		 strerror((int)-r));
	return (int)r;
}

static int attempt(const char *path, char *why, size_t size)
{
	uint32_t window = 0;
	int fd = connect_socket(path, why, size), r;

	if (fd < 0)
		return fd;
	bw_stream_fini(&bw_conn.stream);
	r = bw_stream_init(&bw_conn.stream);
	if (!r)
		r = greet(fd, why, size, &window);
	if (!r)
		r = open_session(fd, why, size);
	if (r) {
		bw_sys(SYS_close, (long)fd);
		return r;
	}
	bw_window_init(&bw_conn.in, WINDOW);
	bw_send_init(window);
	atomic_store(&bw_conn.fd, bw_fd_make_private(fd));
	return 0;
}

static int connect_board(void)
{
	int64_t end = bw_now_ms() + OPENING_MS;
	struct timespec pause = { 0, RETRY_MS * 1000000L };
	char why[512] = "";
	int r;

	while ((r = attempt(socket_path(), why, sizeof(why))) == -EAGAIN && bw_now_ms() < end)
		bw_sys(SYS_nanosleep, &pause, NULL);
	if (!r) {
		bw_receive_init();
		atomic_store(&bw_conn.pid, bw_getpid());
		atomic_store(&bw_conn.state, BW_CONN_UP);
		r = bw_receive_start();
		if (!r)
			return 0;
		snprintf(why, sizeof(why), "cannot start a thread: %s", strerror(-r));
		bw_fd_close_private(atomic_exchange(&bw_conn.fd, -1));
	}
	atomic_store(&bw_conn.pid, bw_getpid());
	atomic_store(&bw_conn.state, BW_CONN_FAILED);
	bw_say("board %s: %s: %s", *board.serial ? board.serial : "(unknown)", socket_path(), why);
	return -ENODEV;
}

/*
 * A child made by fork comes here with nothing (forget). Another pid than the connection's without that is a vfork child, or one
 * of a bare clone(2): it shares our memory, or may; it gets no connection.
 */
int bw_conn_ready(void)
{
	int state = atomic_load_explicit(&bw_conn.state, memory_order_acquire), r = 0, saved = errno;

	if (!bw_active())
		return -ENODEV;
	if (state == BW_CONN_NONE) {
		pthread_mutex_lock(&connect_lock);
		if (atomic_load(&bw_conn.state) == BW_CONN_NONE)
			r = connect_board();
		pthread_mutex_unlock(&connect_lock);
		errno = saved;
		state = atomic_load(&bw_conn.state);
	}
	if (r || state != BW_CONN_UP || !bw_is_owner())
		return -ENODEV;
	return 0;
}

static void forget(void)
{
	int fd = atomic_exchange(&bw_conn.fd, -1);

	bw_fd_close_private(fd);
	pthread_mutex_init(&connect_lock, NULL);
	atomic_store(&bw_conn.state, BW_CONN_NONE);
	atomic_store(&bw_conn.pid, 0);
	bw_receive_init();
}

static void after_fork(void)
{
	if (!atomic_load(&bw_conn.pid))
		return;
	forget();
	bw_rings_after_fork();
	bw_maps_after_fork();
	bw_placeholders_after_fork();
}

__attribute__((constructor)) static void watch_fork(void)
{
	if (bw_active())
		pthread_atfork(NULL, NULL, after_fork);
}

/* ---- calls ---- */

int bw_call(uint16_t type, const struct bw_buf *payload, struct bw_reply *reply)
{
	struct bw_waiter w;
	int r;

	if (reply)
		memset(reply, 0, sizeof(*reply));
	r = payload && payload->err ? payload->err : bw_conn_ready();
	if (!r && payload && payload->len > board.msg_max)
		r = -E2BIG;
	if (!r)
		r = bw_request(&w, type, payload ? payload->data : NULL, payload ? payload->len : 0);
	if (!r) {
		bw_waiter_wait(&w);
		r = w.status;
		if (reply) {
			reply->owned = w.data.data;
			reply->data = w.data.data ? w.data.data : (const uint8_t *)"";
			reply->len = w.data.len;
		} else {
			bw_buf_free(&w.data);
		}
	}
	if (reply) {
		reply->status = r;
		if (!reply->data)
			reply->data = (const uint8_t *)"";
	}
	bw_verbose(2, "%s, %zu bytes: %d, %zu bytes", bw_msg_name(type), payload ? payload->len : 0, r, reply ? reply->len : 0);
	return r;
}

int bw_post(uint16_t type, const struct bw_buf *payload)
{
	if (payload->err)
		return payload->err;
	if (atomic_load(&bw_conn.state) != BW_CONN_UP || !bw_is_owner())
		return -ENODEV;
	return bw_send(type, 0, payload->data, payload->len);
}

void bw_reply_free(struct bw_reply *r)
{
	free(r->owned);
	memset(r, 0, sizeof(*r));
}
