// SPDX-License-Identifier: GPL-2.0
/*
 * Delays at instructions of a module under test, so that what two processors do there at once takes long enough to meet.
 *
 * `sites` takes places such as "vexfs:vexfs_unlink+0x4c", separated by commas, in the room of those before; reading it
 * says how many are set, and how often one was come by; `met` names those of them that were. Of each hundred times `percent` wait, each time for another while
 * of at most `most_us`: in the handler of a kprobe, on their own processor, which does nothing else meanwhile.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/string.h>

#define MOST 128
#define NAME_MOST 96

static unsigned int most_us = 2000;
module_param(most_us, uint, 0644);
static unsigned int percent = 25;
module_param(percent, uint, 0644);
static unsigned int seed = 1;
module_param(seed, uint, 0444);

static struct site {
	struct kprobe probe;
	char name[NAME_MOST];
	bool set, met;
} *sites;

static atomic_t hits = ATOMIC_INIT(0);
static int asked;
static DEFINE_PER_CPU(struct rnd_state, drawn);

static int wait_a_while(struct kprobe *probe, struct pt_regs *regs)
{
	struct rnd_state *state = this_cpu_ptr(&drawn);
	u32 most = READ_ONCE(most_us), us;

	atomic_inc(&hits);
	WRITE_ONCE(container_of(probe, struct site, probe)->met, true);
	if (!most || prandom_u32_state(state) % 100 >= READ_ONCE(percent))
		return 0;
	us = prandom_u32_state(state) % most + 1;
	mdelay(us / 1000);
	udelay(us % 1000);
	return 0;
}

static void forget_all(void)
{
	int i;

	for (i = 0; i < MOST; i++) {
		if (sites[i].set)
			unregister_kprobe(&sites[i].probe);
		sites[i].set = sites[i].met = false;
	}
}

/* An instruction that cannot be probed is passed over: the kernel knows where one begins. */
static void set_one(struct site *site, char *word)
{
	char *plus = strrchr(word, '+');
	unsigned int offset = 0;

	if (plus) {
		*plus = '\0';
		if (kstrtouint(plus + 1, 0, &offset))
			return;
	}
	if (strscpy(site->name, word, NAME_MOST) < 0)
		return;
	memset(&site->probe, 0, sizeof(site->probe));
	site->probe.symbol_name = site->name;
	site->probe.offset = offset;
	site->probe.pre_handler = wait_a_while;
	site->set = !register_kprobe(&site->probe);
}

static int set_sites(const char *text, const struct kernel_param *param)
{
	char *copy = kstrdup(text, GFP_KERNEL), *rest = copy, *word;

	if (!copy)
		return -ENOMEM;
	forget_all();
	asked = 0;
	while ((word = strsep(&rest, ",\n")) && asked < MOST)
		if (*word)
			set_one(&sites[asked++], word);
	kfree(copy);
	return 0;
}

static int get_sites(char *text, const struct kernel_param *param)
{
	int i, set = 0;

	for (i = 0; i < MOST; i++)
		set += sites[i].set;
	return sysfs_emit(text, "%d of %d set, come by %d times\n", set, asked, atomic_read(&hits));
}

static int get_met(char *text, const struct kernel_param *param)
{
	int i, at = 0;

	for (i = 0; i < MOST; i++)
		if (sites[i].met)
			at += sysfs_emit_at(text, at, "%s+%#x\n", sites[i].name, sites[i].probe.offset);
	return at;
}

static const struct kernel_param_ops met_ops = { .get = get_met };
module_param_cb(met, &met_ops, NULL, 0444);
static const struct kernel_param_ops ops = { .set = set_sites, .get = get_sites };
module_param_cb(sites, &ops, NULL, 0644);

static int __init vexlab_delay_init(void)
{
	int cpu;

	sites = kcalloc(MOST, sizeof(*sites), GFP_KERNEL);
	if (!sites)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		prandom_seed_state(per_cpu_ptr(&drawn, cpu), ((u64)seed << 8) + cpu + 1);
	return 0;
}

static void __exit vexlab_delay_exit(void)
{
	forget_all();
	kfree(sites);
}

module_init(vexlab_delay_init);
module_exit(vexlab_delay_exit);
MODULE_DESCRIPTION("vexlab: delays in a module under test");
MODULE_LICENSE("GPL");
