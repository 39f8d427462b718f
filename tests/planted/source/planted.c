// SPDX-License-Identifier: GPL-2.0
/*
 * A module with one bug at a time, chosen by a parameter: what the lab must see when it is there, and must not see
 * when it is not. The bugs are real; nothing is printed on purpose.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static char *bug = "none";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "none, oops, panic, spin, wait, block, late, warn, leak, slow, once, double_free or corrupt");

static DECLARE_WAIT_QUEUE_HEAD(planted_queue);
static bool planted_never;
static struct delayed_work planted_work;

/* Storage that the compiler cannot see through. */
static int *planted_pointer;
static struct list_head planted_list;

static noinline void planted_dereference(void)
{
	WRITE_ONCE(*planted_pointer, 1);
}

static void planted_late(struct work_struct *work)
{
	planted_dereference();
}

static noinline void planted_spin(void)
{
	for (;;)
		cpu_relax();
}

static noinline int planted_wait(void)
{
	return wait_event_interruptible(planted_queue, READ_ONCE(planted_never));
}

static noinline void planted_forever(void)
{
	wait_event(planted_queue, READ_ONCE(planted_never));
}

static noinline void planted_double_free(void)
{
	void *object = kmalloc(96, GFP_KERNEL);

	kfree(object);
	kfree(object);
}

static noinline void planted_corrupt_list(void)
{
	struct list_head *entry = kzalloc(sizeof(*entry), GFP_KERNEL);

	INIT_LIST_HEAD(&planted_list);
	list_add(entry, &planted_list);
	entry->next = NULL;
	list_del(entry);
}

/* Refuse to load the first time in a machine. */
static int planted_once(void)
{
	struct file *file = filp_open("/tmp/planted-once", O_CREAT | O_EXCL | O_WRONLY, 0600);

	if (IS_ERR(file))
		return 0;
	filp_close(file, NULL);
	return -ENOMEM;
}

static int planted_misbehave(void)
{
	if (!strcmp(bug, "oops"))
		planted_dereference();
	else if (!strcmp(bug, "panic"))
		panic("planted");
	else if (!strcmp(bug, "spin"))
		planted_spin();
	else if (!strcmp(bug, "wait"))
		return planted_wait();
	else if (!strcmp(bug, "block"))
		planted_forever();
	else if (!strcmp(bug, "late"))
		schedule_delayed_work(&planted_work, HZ / 20);
	else if (!strcmp(bug, "warn"))
		WARN_ON(1);
	else if (!strcmp(bug, "leak"))
		planted_pointer = kmalloc(700, GFP_KERNEL);
	else if (!strcmp(bug, "slow"))
		msleep(6000);
	else if (!strcmp(bug, "once"))
		return planted_once();
	else if (!strcmp(bug, "double_free"))
		planted_double_free();
	else if (!strcmp(bug, "corrupt"))
		planted_corrupt_list();
	return 0;
}

static struct dentry *planted_mount(struct file_system_type *type, int flags, const char *device, void *data)
{
	return ERR_PTR(-EINVAL);
}

static struct file_system_type planted_type = {
	.owner = THIS_MODULE,
	.name = "planted",
	.mount = planted_mount,
	.kill_sb = kill_block_super,
};

static int __init planted_init(void)
{
	int error;

	INIT_DELAYED_WORK(&planted_work, planted_late);
	error = planted_misbehave();
	if (error)
		return error;
	return register_filesystem(&planted_type);
}

static void __exit planted_exit(void)
{
	cancel_delayed_work_sync(&planted_work);
	unregister_filesystem(&planted_type);
}

module_init(planted_init);
module_exit(planted_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Bugs planted for vexlab's own tests");
