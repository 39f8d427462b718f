// SPDX-License-Identifier: Apache-2.0
/* Executes a program: each thread its own operations in order, all threads at once. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fsfuzz/fuzz.h"
#include "lib/call32.h"

#define STRUCT_CANARY 64
#define CANARY_BYTE 0xc5
#define FLIPS 16	/* so often a call is made whose argument changes meanwhile */
#define BITS_OF_IOCTLS 20

bool files_start(const char *where);

static bool compat_works;
static const struct program *running;
static struct outcome *answers;
static pthread_barrier_t begin, end;
static int worked[SLOTS];	/* what has worked on each slot since it was opened, as bits */

static struct {
	sem_t start, done;
	uint8_t *at;
	int size;
	uint64_t value, original;
	_Atomic bool stop;
	pthread_mutex_t mine;
} flipper = { .mine = PTHREAD_MUTEX_INITIALIZER };

static void *flip(void *unused)
{
	(void)unused;
	for (;;) {
		sem_wait(&flipper.start);
		while (!atomic_load(&flipper.stop)) {
			number_put(flipper.at, flipper.size, flipper.value);
			atomic_thread_fence(memory_order_seq_cst);
			for (volatile int i = 0; i < 20; i++)
				;
			number_put(flipper.at, flipper.size, flipper.original);
			atomic_thread_fence(memory_order_seq_cst);
			for (volatile int i = 0; i < 20; i++)
				;
		}
		sem_post(&flipper.done);
	}
	return NULL;
}

static bool flip_begin(const struct op *op, uint8_t *structure)
{
	if (!op->flip.size || pthread_mutex_trylock(&flipper.mine))
		return false;
	flipper.at = structure + op->flip.offset;
	flipper.size = op->flip.size;
	flipper.value = op->flip.value;
	flipper.original = number_at(structure + op->flip.offset, op->flip.size);
	atomic_store(&flipper.stop, false);
	sem_post(&flipper.start);
	return true;
}

static void flip_end(void)
{
	atomic_store(&flipper.stop, true);
	sem_wait(&flipper.done);
	pthread_mutex_unlock(&flipper.mine);
}

static long make_call(const struct op *op, uint8_t *structure)
{
	int fd = slot_fd(op->arg[0]);

	if (op->compat && compat_works)
		return call_of_32_bits(IOCTL_OF_32_BITS, fd, op->number, (unsigned long)structure);
	return syscall(SYS_ioctl, fd, (unsigned long)op->number, structure);
}

static const char *call_name(const struct op *op)
{
	const struct call *call = table_find(op->number);

	return call ? call->name : "an ioctl";
}

static void fill_structure(const struct op *op, uint8_t *structure, void *const places[])
{
	memcpy(structure, op->data, op->size);
	for (int i = 0; i < op->pointers; i++)
		number_put(structure + op->pointer[i].offset, 8, (uintptr_t)places[i]);
}

static long do_ioctl(int thread, const struct op *op)
{
	static __thread uint8_t before[STRUCT_ROOM];
	uint8_t *structure = structure_of(thread);
	void *places[MOST_POINTERS];
	long result, best = -1;
	bool flips;
	int error = 0;

	for (int i = 0; i < op->pointers; i++)
		places[i] = buffer_place(thread, i, &op->pointer[i]);
	fill_structure(op, structure, places);
	memset(structure + op->size, CANARY_BYTE, STRUCT_CANARY);
	memcpy(before, structure, op->size);
	flips = flip_begin(op, structure);
	for (int turn = flips ? FLIPS : 1; turn; turn--) {
		result = make_call(op, structure);
		if (result < 0 && best < 0)
			error = errno;
		if (result >= 0)
			best = result;
		if (flips && turn > 1)
			fill_structure(op, structure, places);
	}
	if (flips)
		flip_end();
	leak_check(structure, before, op->size, call_name(op));
	for (int i = 0; i < STRUCT_CANARY; i++)
		if (structure[op->size + i] != CANARY_BYTE)
			say_wrong("%s writes behind its structure", call_name(op));
	/* While what it reads changes, or its number is made up, what the caller has named is not known. */
	for (int i = 0; i < op->pointers && !op->flip.size; i++)
		buffer_check(thread, i, op, call_name(op));
	errno = error;
	return best;
}

static int bit_of(const struct op *op)
{
	const struct call *call = op->code == OP_IOCTL ? table_find(op->number) : NULL;

	return call ? 1 << (call - table.call) % BITS_OF_IOCTLS : 1 << (BITS_OF_IOCTLS + op->code % (31 - BITS_OF_IOCTLS));
}

static void do_op(int thread, int index)
{
	const struct op *op = &running->op[index];
	bool on_slot = kinds[op->code].args[0] == 's';
	long result;

	atomic_fetch_add(&shared->calls, 1);
	errno = 0;
	answers[index].done = on_slot ? worked[op->arg[0]] : 0;
	result = op->code == OP_IOCTL ? do_ioctl(thread, op) : do_file(op);
	answers[index].error = result < 0 ? errno : 0;
	if (result < 0)
		return;
	atomic_fetch_add(&shared->succeeded, 1);
	if (op->code == OP_OPEN)
		worked[op->arg[0]] = 0;
	else if (on_slot)
		worked[op->arg[0]] |= bit_of(op);
}

static void do_thread(int thread)
{
	for (int i = 0; i < running->ops; i++)
		if (running->op[i].thread == thread)
			do_op(thread, i);
}

static void *work(void *arg)
{
	for (;;) {
		pthread_barrier_wait(&begin);
		do_thread((int)(uintptr_t)arg);
		pthread_barrier_wait(&end);
	}
	return NULL;
}

bool execute_start(const char *point, int threads)
{
	pthread_t id;

	compat_works = takes_calls_of_32_bits();
	if (!files_start(point) || !buffers_start(MOST_THREADS) || sem_init(&flipper.start, 0, 0) ||
	    sem_init(&flipper.done, 0, 0) || pthread_create(&id, NULL, flip, NULL))
		return false;
	if (pthread_barrier_init(&begin, NULL, threads) || pthread_barrier_init(&end, NULL, threads))
		return false;
	for (int i = 1; i < threads; i++)
		if (pthread_create(&id, NULL, work, (void *)(uintptr_t)i))
			return false;
	clean_up();
	return true;
}

void execute(const struct program *program, struct outcome *outcomes)
{
	bool alone = true;

	running = program;
	answers = outcomes;
	wrong[0] = '\0';
	memset(worked, 0, sizeof(worked));
	for (int i = 0; i < program->ops; i++)
		alone &= !program->op[i].thread;
	cover_begin();
	if (!alone)
		pthread_barrier_wait(&begin);
	do_thread(0);
	if (!alone)
		pthread_barrier_wait(&end);
}
