// SPDX-License-Identifier: Apache-2.0
/*
 * The host's end of the port may be closed and opened at any time. While it is closed, poll(2) tells of nothing but
 * POLLHUP, at once; drivers/char/virtio_console.c sends SIGIO when that changes. Writes never block: a blocking write
 * to a port spins in the kernel until the host has read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "runner/runner.h"

enum { OUT = 128 << 10, RESERVE = 8 << 10, PIECE = 32 << 10, LEAST_PIECE = 4 << 10, BUFFER = 4 << 10 };
enum { END = 0xff, ESCAPE = 0xfe };

static int port = -1;
static bool connected = true;
static bool readable;

static char in[REQUEST_MOST]; /* what came, not yet taken */
static size_t in_start, in_searched, in_end;
static bool dropping; /* a request that is too long, until its end */

static char out[OUT];
static size_t out_start, out_end;

int port_open(const char *path)
{
	port = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (port < 0)
		return -1;
	if (fcntl(port, F_SETOWN, getpid()) < 0)
		return -1;
	return fcntl(port, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC);
}

short port_events(void)
{
	return (port_room_for_requests() ? POLLIN : 0) | (out_start < out_end ? POLLOUT : 0);
}

void port_polled(short revents)
{
	connected = !(revents & POLLHUP);
	readable = revents & POLLIN;
}

int port_fd(void)
{
	return connected ? port : -1;
}

bool port_read(void)
{
	ssize_t got;

	if (!readable)
		return false;
	if (in_start) {
		memmove(in, in + in_start, in_end - in_start);
		in_end -= in_start;
		in_searched -= in_start;
		in_start = 0;
	}
	if (in_end == sizeof(in)) {
		dropping = true;
		in_end = in_searched = 0;
	}
	got = read(port, in + in_end, sizeof(in) - in_end);
	if (got > 0)
		in_end += got;
	readable = got > 0 && !(got % BUFFER); /* else poll tells of more */
	return got > 0;
}

/* Undo the escapes in place and return the new length. */
static size_t unescape(char *text, size_t length)
{
	char *from = memchr(text, ESCAPE, length);
	char *end = text + length;
	char *to = from;

	if (!from)
		return length;
	while (from < end) {
		if ((unsigned char)*from == ESCAPE && from + 1 < end) {
			*to++ = from[1] ? (char)END : (char)ESCAPE;
			from += 2;
		} else {
			*to++ = *from++;
		}
	}
	return to - text;
}

bool port_next(struct request *request)
{
	while (in_searched < in_end) {
		char *end = memchr(in + in_searched, END, in_end - in_searched);
		char *frame = in + in_start;
		size_t length;

		if (!end) {
			in_searched = in_end;
			return false;
		}
		length = unescape(frame, end - frame);
		in_start = in_searched = end + 1 - in;
		if (!dropping && length >= REQUEST_HEADER) {
			request->type = frame[0];
			memcpy(&request->id, frame + 1, sizeof(request->id));
			memcpy(&request->length, frame + 5, sizeof(request->length));
			request->body = frame + REQUEST_HEADER;
			if (length - REQUEST_HEADER == request->length)
				return true;
		}
		dropping = false;
	}
	return false;
}

bool port_room_for_output(void)
{
	return sizeof(out) - (out_end - out_start) >= RESERVE + sizeof(struct answer) + LEAST_PIECE;
}

bool port_room_for_requests(void)
{
	return sizeof(out) - (out_end - out_start) >= RESERVE;
}

/* Return where a frame of this length can be put. */
static char *room(size_t length)
{
	if (out_start == out_end)
		out_start = out_end = 0;
	if (sizeof(out) - out_end < length) {
		memmove(out, out + out_start, out_end - out_start);
		out_end -= out_start;
		out_start = 0;
	}
	return sizeof(out) - out_end < length ? NULL : out + out_end;
}

static void put_header(char *at, uint8_t type, uint32_t id, uint32_t length)
{
	struct answer header = { .type = type, .id = id, .length = length };

	memcpy(at, &header, sizeof(header));
}

void port_answer(uint8_t type, uint32_t id, const void *body, uint32_t length)
{
	char *at = room(sizeof(struct answer) + length);

	if (!at)
		return; /* the reserve is larger than what all jobs can say */
	put_header(at, type, id, length);
	memcpy(at + sizeof(struct answer), body, length);
	out_end += sizeof(struct answer) + length;
}

ssize_t port_copy(uint8_t type, uint32_t id, int fd, size_t most)
{
	size_t free_bytes = sizeof(out) - (out_end - out_start) - RESERVE - sizeof(struct answer);
	size_t wanted = free_bytes < PIECE ? free_bytes : PIECE;
	char *at = room(sizeof(struct answer) + wanted);
	ssize_t got;

	if (!at) {
		errno = EAGAIN;
		return -1;
	}
	if (wanted > most)
		wanted = most;
	got = read(fd, at + sizeof(struct answer), wanted);
	if (got > 0) {
		put_header(at, type, id, got);
		out_end += sizeof(struct answer) + got;
	}
	return got;
}

void port_flush(void)
{
	while (out_start < out_end) {
		size_t length = out_end - out_start < PIECE ? out_end - out_start : PIECE;
		ssize_t done = write(port, out + out_start, length);

		if (done <= 0)
			return;
		out_start += done;
	}
}
