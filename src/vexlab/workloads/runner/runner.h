/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_RUNNER_H
#define VEXLAB_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The wire, little endian (the host's half: vexlab/vm/frames.py).
 *
 * A request is a type, an id, the length of its body and the body. Of its bytes 0xfe is sent as fe 00 and 0xff as
 * fe 01; a 0xff ends it. So a 0xff ends also what an earlier host left unfinished, and the length, which is wrong
 * then, has it dropped.
 *
 * An answer is a header (struct answer) and its body as it is. The host finds the first one by the nonce of its
 * REQUEST_SYNC.
 */
enum request_type {
	REQUEST_SYNC = 'S', /* body: a nonce; jobs of earlier hosts say nothing any more */
	REQUEST_PING = 'P', /* body: a nonce */
	REQUEST_DATA = 'D', /* body: bytes for the standard input of the next job */
	REQUEST_RUN = 'R', /* body: struct run and its strings */
	REQUEST_KILL = 'K', /* body: a signal (u32), for the job and, where it has one, its group */
	REQUEST_FORGET = 'F', /* the job goes on, and nothing more is said of it */
};

enum answer_type {
	ANSWER_SYNC = 's', /* body: the nonce */
	ANSWER_PONG = 'p', /* body: the nonce */
	ANSWER_STARTED = 'r', /* body: the process id (u32) */
	ANSWER_OUT = 'o', /* body: bytes of standard output */
	ANSWER_ERR = 'e', /* body: bytes of standard error */
	ANSWER_ENDED = 'x', /* body: struct ended; the last one of its job */
};

enum { NONCE = 16, REQUEST_HEADER = 9, REQUEST_MOST = 256 << 10 };

struct run {
	uint64_t most; /* bytes of each stream that are sent; what comes after is read and dropped */
	uint16_t arguments; /* strings, each with its final zero: arguments, then the environment */
	uint16_t variables;
	uint8_t group; /* whether the job leads a process group of its own */
} __attribute__((packed));

struct answer {
	uint8_t type;
	uint8_t zero[3];
	uint32_t id;
	uint32_t length;
} __attribute__((packed));

struct ended {
	uint64_t nanoseconds; /* by the guest's clock, from its start until it was reaped */
	uint32_t error; /* why it was not started (errno), else 0 */
	uint32_t status; /* its exit status */
	uint32_t signal; /* that ended it, else 0 */
	uint32_t cut; /* bit 0: standard output was more than asked for, bit 1: standard error was */
} __attribute__((packed));

/* port.c: the connection with the host */

struct request {
	uint8_t type;
	uint32_t id;
	uint32_t length;
	char *body;
};

int port_open(const char *path);
int port_fd(void); /* what to poll, -1 while no host is there, which a signal ends */
short port_events(void);
void port_polled(short revents);
bool port_read(void); /* false: nothing more has come */
bool port_next(struct request *request); /* the next whole request; the body is valid until the next port_read */
bool port_room_for_output(void);
bool port_room_for_requests(void);
void port_answer(uint8_t type, uint32_t id, const void *body, uint32_t length);
ssize_t port_copy(uint8_t type, uint32_t id, int fd, size_t most); /* as read(2), and answers with what was read */
void port_flush(void);

/* job.c: the commands */

enum { JOBS = 32, STREAMS = 2 };

struct pollfd;

void job_data(const char *data, uint32_t length);
void job_drop_data(void);
void job_run(uint32_t id, const char *body, uint32_t length);
void job_kill(uint32_t id, uint32_t signal);
void job_forget(uint32_t id);
void job_forget_all(void);
void job_reap(void);
unsigned int job_poll_set(struct pollfd *set); /* returns how many were filled in */
void job_read(const struct pollfd *set);

#endif
