// SPDX-License-Identifier: GPL-2.0
/*
 * One real crash per load, chosen by a parameter; the logs beside this folder are what the kernel said. Nothing here
 * prints: every word of a golden log is the kernel's own.
 */
#include <linux/delay.h>
#include <linux/kfence.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static char *bug = "none";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "the crash to provoke; see crashes_table");

/* Storage that the compiler cannot see through. */
static void *crashes_pointer;
static int crashes_zero;
static int crashes_one = 1;
static refcount_t crashes_count = REFCOUNT_INIT(1);
static LIST_HEAD(crashes_list);
static DEFINE_SPINLOCK(crashes_lock);
static struct timer_list crashes_timer;

static noinline void crashes_write(void *address)
{
	WRITE_ONCE(*(int *)address, 1);
}

static noinline void crashes_null(void)
{
	crashes_write(crashes_pointer);
}

static noinline void crashes_paging(void)
{
	crashes_write((void *)0xffffc90fffff0000UL);
}

static noinline void crashes_canonical(void)
{
	crashes_write((void *)0xdead000000000100UL);
}

static noinline void crashes_jump(void)
{
	((void (*)(void))READ_ONCE(crashes_pointer))();
}

static noinline void crashes_bug(void)
{
	BUG();
}

static noinline void crashes_warn(void)
{
	WARN_ON(1);
}

static noinline void crashes_warn_once(void)
{
	WARN_ONCE(1, "crashes: %d is not %d\n", crashes_zero, 1);
}

static noinline void crashes_divide(void)
{
	WRITE_ONCE(crashes_one, crashes_one / READ_ONCE(crashes_zero));
}

static noinline void crashes_opcode(void)
{
	asm volatile("ud2");
}

static noinline void crashes_panic(void)
{
	panic("crashes: on purpose");
}

static noinline void crashes_corrupt_list(void)
{
	struct list_head *entry = kzalloc(sizeof(*entry), GFP_KERNEL);

	list_add(entry, &crashes_list);
	entry->next = NULL;
	list_del(entry);
}

static noinline void crashes_double_free(void)
{
	void *object = kmalloc(96, GFP_KERNEL);

	kfree(object);
	kfree(object);
}

static noinline void crashes_overflow(void)
{
	char *object = kmalloc(96, GFP_KERNEL);

	crashes_pointer = object + 96;
	crashes_write(crashes_pointer);
	kfree(object);
}

static noinline void crashes_leftover(void)
{
	struct kmem_cache *cache = kmem_cache_create("crashes_cache", 120, 0, 0, NULL);

	crashes_pointer = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_destroy(cache);
}

static noinline void crashes_poison(void)
{
	struct kmem_cache *cache = kmem_cache_create("crashes_cache", 120, 0, SLAB_POISON | SLAB_RED_ZONE, NULL);
	char *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	crashes_pointer = object + 64;
	crashes_write(crashes_pointer);
	crashes_pointer = kmem_cache_alloc(cache, GFP_KERNEL);
}

static noinline void crashes_refcount(void)
{
	refcount_dec(&crashes_count);
	refcount_inc(&crashes_count);
}

static noinline int crashes_deeper(int depth)
{
	char page[512];

	memset(page, depth, sizeof(page));
	crashes_pointer = page;
	return depth < 0 ? 0 : crashes_deeper(depth + 1) + page[depth & 511];
}

static noinline void crashes_stack(void)
{
	crashes_one = crashes_deeper(1);
}

static noinline void crashes_smash(void)
{
	char small[16];
	int i;

	WRITE_ONCE(crashes_pointer, small);
	for (i = 0; i < 64; i++)
		WRITE_ONCE(((char *)READ_ONCE(crashes_pointer))[i], 0x41);
}

static noinline void crashes_atomic(void)
{
	spin_lock(&crashes_lock);
	msleep(20);
	spin_unlock(&crashes_lock);
}

static noinline void crashes_softlockup(void)
{
	preempt_disable();
	for (;;)
		cpu_relax();
}

static int crashes_sleeper(void *unused)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	return 0;
}

static noinline void crashes_hung(void)
{
	kthread_run(crashes_sleeper, NULL, "crashes_sleeper");
}

static noinline void crashes_stall(void)
{
	rcu_read_lock();
	mdelay(60000);
	rcu_read_unlock();
}

static void crashes_tick(struct timer_list *timer)
{
	crashes_null();
}

static noinline void crashes_interrupt(void)
{
	timer_setup(&crashes_timer, crashes_tick, 0);
	mod_timer(&crashes_timer, jiffies + 2);
}

static noinline void crashes_twice(void)
{
	crashes_warn();
	crashes_refcount();
	crashes_null();
}

/* Until one allocation comes from KFENCE's pool (Documentation/dev-tools/kfence.rst). */
static noinline void crashes_kfence(void)
{
	int tries;

	for (tries = 0; tries < 200000; tries++) {
		void *object = kmalloc(32, GFP_KERNEL);
		bool guarded = is_kfence_address(object);

		kfree(object);
		if (guarded) {
			crashes_write(object);
			return;
		}
		cond_resched();
	}
}

/* The rest needs an instrumented kernel to be noticed at all. */

static noinline void crashes_release(void *object)
{
	kfree(object);
}

static noinline void crashes_free_used(void)
{
	int *object = kmalloc(96, GFP_KERNEL);

	crashes_release(object);
	crashes_one = READ_ONCE(object[3]);
}

static noinline void crashes_both(struct mutex *first, struct mutex *second)
{
	mutex_lock(first);
	mutex_lock(second);
	mutex_unlock(second);
	mutex_unlock(first);
}

static noinline void crashes_lock_order(void)
{
	static DEFINE_MUTEX(one);
	static DEFINE_MUTEX(other);

	crashes_both(&one, &other);
	crashes_both(&other, &one);
}

static noinline void crashes_lock_held(void)
{
	static DEFINE_MUTEX(kept);

	mutex_lock(&kept);
}

static noinline void crashes_shift(void)
{
	crashes_one = 1 << (READ_ONCE(crashes_zero) + 40);
}

static noinline void crashes_index(void)
{
	static int table[4];

	table[READ_ONCE(crashes_zero) + 5] = 1;
}

static noinline void crashes_leak(void)
{
	int i;

	for (i = 0; i < 8; i++)
		crashes_pointer = kmalloc(200, GFP_KERNEL);
	crashes_pointer = NULL;
}

static int crashes_count_up(void *shared)
{
	unsigned long end = jiffies + HZ / 4;

	while (time_before(jiffies, end)) {
		(*(int *)shared)++;
		cond_resched();
	}
	return 0;
}

static noinline void crashes_race(void)
{
	kthread_run(crashes_count_up, &crashes_one, "crashes_one");
	kthread_run(crashes_count_up, &crashes_one, "crashes_other");
}

static const struct {
	const char *name;
	void (*provoke)(void);
} crashes_table[] = {
	{ "null", crashes_null },
	{ "paging", crashes_paging },
	{ "canonical", crashes_canonical },
	{ "jump", crashes_jump },
	{ "bug", crashes_bug },
	{ "warn", crashes_warn },
	{ "warn_once", crashes_warn_once },
	{ "divide", crashes_divide },
	{ "opcode", crashes_opcode },
	{ "panic", crashes_panic },
	{ "list", crashes_corrupt_list },
	{ "double_free", crashes_double_free },
	{ "overflow", crashes_overflow },
	{ "leftover", crashes_leftover },
	{ "poison", crashes_poison },
	{ "refcount", crashes_refcount },
	{ "stack", crashes_stack },
	{ "smash", crashes_smash },
	{ "atomic", crashes_atomic },
	{ "softlockup", crashes_softlockup },
	{ "hung", crashes_hung },
	{ "stall", crashes_stall },
	{ "interrupt", crashes_interrupt },
	{ "twice", crashes_twice },
	{ "kfence", crashes_kfence },
	{ "free_used", crashes_free_used },
	{ "lock_order", crashes_lock_order },
	{ "lock_held", crashes_lock_held },
	{ "shift", crashes_shift },
	{ "index", crashes_index },
	{ "leak", crashes_leak },
	{ "race", crashes_race },
};

static int __init crashes_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(crashes_table); i++)
		if (!strcmp(bug, crashes_table[i].name))
			crashes_table[i].provoke();
	return 0;
}

static void __exit crashes_exit(void)
{
}

module_init(crashes_init);
module_exit(crashes_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Crashes provoked for vexlab's golden logs");
