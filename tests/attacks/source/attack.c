// SPDX-License-Identifier: GPL-2.0
/*
 * A module that breaks the kernel in ways that a tester may overlook, or that
 * says what a tester may take for a break. The parameter names the way.
 */
#include <linux/console.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

static char *bug = "none";
module_param(bug, charp, 0444);
static int ms = 100;
module_param(ms, int, 0444);

static int *attack_pointer;
static struct delayed_work attack_work;
static struct timer_list attack_timer;

static noinline void attack_dereference(void)
{
	WRITE_ONCE(*attack_pointer, 1);
}

static int spin(void *unused)
{
	for (;;)
		cpu_relax();
	return 0;
}

static noinline void attack_spin_everywhere(void)
{
	stop_machine(spin, NULL, cpu_online_mask);
}

static noinline void attack_stop_programs(void)
{
	struct task_struct *task;

	rcu_read_lock();
	for_each_process(task)
		if (task->mm && !is_global_init(task))
			send_sig(SIGSTOP, task, 1);
	rcu_read_unlock();
}

static noinline void attack_use_after_free(void)
{
	struct list_head *p = kmalloc(96, GFP_KERNEL);
	struct list_head *q;

	kfree(p);
	q = READ_ONCE(p->next); /* poisoned: 6b6b6b... */
	WRITE_ONCE(q->next, NULL);
}

static noinline void attack_write_after_free(void)
{
	char *p = kmalloc(96, GFP_KERNEL);

	kfree(p);
	WRITE_ONCE(p[8], 1);
	kfree(kmalloc(96, GFP_KERNEL)); /* the same object again: its poison is checked */
}

static noinline int attack_recurse(int depth)
{
	char big[512];

	memset(big, depth, sizeof(big));
	barrier_data(big);
	return attack_recurse(depth + 1) + big[depth & 511];
}

static void attack_write_file(const char *path, const char *text)
{
	struct file *file = filp_open(path, O_WRONLY, 0);
	loff_t pos = 0;

	if (IS_ERR(file))
		return;
	kernel_write(file, text, strlen(text), &pos);
	filp_close(file, NULL);
}

static void attack_silence(void)
{
	attack_write_file("/sys/module/printk/parameters/ignore_loglevel", "N");
	attack_write_file("/proc/sys/kernel/printk", "0 0 0 0");
}

static bool is(const char *name)
{
	return !strcmp(bug, name);
}

static void attack_later(struct work_struct *unused)
{
	if (is("late_spin"))
		attack_spin_everywhere();
	else if (is("late_stop"))
		attack_stop_programs();
	else
		attack_dereference();
}

static void attack_in_timer(struct timer_list *unused)
{
	attack_dereference();
}

static int attack_thread(void *unused)
{
	attack_dereference();
	return 0;
}

static void attack_words(void)
{
	if (is("fake_kasan")) {
		pr_info("BUG: KASAN: use-after-free in ext4_iget+0x10/0x20 [ext4]\n");
	} else if (is("innocent")) {
		pr_info("attack: mounted; note: WARNING: this option is deprecated\n");
		pr_info("attack: INFO: starting recovery\n");
		pr_info("attack: BUG: none found, all fine\n");
	} else if (is("markup")) {
		pr_info("\x1b]0;title\x07\x1b[2J <script>alert(1)</script> ]]> \xff\xfe [bold red]x[/]\n");
	} else if (is("fake_boot_oops")) {
		attack_write_file("/dev/kmsg", "Linux version 6.1.0-fake (root@x) #1 SMP\n");
		attack_dereference();
	} else if (is("mkdtemp_uaf")) {
		pr_info("mkdtemp failed\n*** stack smashing detected ***: terminated\n");
		pr_info("Killed process 123 (sshd) total-vm:1kB\n");
		attack_use_after_free();
	}
}

static void attack_silently(void)
{
	if (is("console_lock_warn")) {
		console_lock();
		WARN_ON(1);
	} else if (is("console_lock_oops")) {
		console_lock();
		attack_dereference();
	} else if (is("silence_warn")) {
		attack_silence();
		WARN_ON(1);
	} else if (is("silence_panic")) {
		attack_silence();
		console_lock();
		panic("attack");
	}
}

static void attack_openly(void)
{
	if (is("oops"))
		attack_dereference();
	else if (is("uaf"))
		attack_use_after_free();
	else if (is("poison"))
		attack_write_after_free();
	else if (is("recursion"))
		attack_recurse(0);
	else if (is("bug"))
		BUG();
	else if (is("warn"))
		WARN_ON(1);
	else if (is("warn_then_oops"))
		WARN_ON(1);
	else if (is("thread"))
		kthread_run(attack_thread, NULL, "attack");
}

/* A file of /proc that takes @ms to read: slow is not hung. */
static ssize_t attack_read(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	msleep(ms);
	return 0;
}

static const struct proc_ops attack_slow = {
	.proc_read = attack_read,
};

static int __init attack_init(void)
{
	proc_create("attack_slow", 0444, NULL, &attack_slow);
	INIT_DELAYED_WORK(&attack_work, attack_later);
	timer_setup(&attack_timer, attack_in_timer, 0);
	attack_words();
	attack_silently();
	attack_openly();
	if (!strncmp(bug, "late_", 5) || is("warn_then_oops"))
		schedule_delayed_work(&attack_work, msecs_to_jiffies(ms));
	if (is("timer"))
		mod_timer(&attack_timer, jiffies + msecs_to_jiffies(ms));
	return 0;
}

static void __exit attack_exit(void)
{
	remove_proc_entry("attack_slow", NULL);
	if (is("exit_oops"))
		attack_dereference();
	if (is("exit_work")) /* the code is gone when the work runs */
		schedule_delayed_work(&attack_work, msecs_to_jiffies(ms));
}

module_init(attack_init);
module_exit(attack_exit);
MODULE_DESCRIPTION("Faults that a tester may overlook");
MODULE_LICENSE("GPL");
