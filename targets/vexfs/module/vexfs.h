/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VexFS: what the module's files share.
 *
 * Order of locks, outermost first:
 *   inode lock, mapping->invalidate_lock
 *     running handle of the journal
 *       page lock
 *         i_map_lock, i_xattr_lock, i_index_lock
 *           s_orphan_lock, s_map_lock
 *             g_lock, s_freed_lock, i_raw_lock
 */
#ifndef VEXFS_H
#define VEXFS_H

#include <linux/blkdev.h>
#include <linux/buffer_head.h>
#include <linux/crc32.h>
#include <linux/fs.h>
#include <linux/jbd2.h>
#include <linux/kobject.h>
#include <linux/percpu_counter.h>
#include <linux/rwsem.h>

#include "vexfs_format.h"
#include "compat.h"
#include "defect.h"
#include "young.h"

/* The error for an image that contradicts itself. */
#define EFSCORRUPTED	EUCLEAN

/*
 * Journal credits: blocks an operation may dirty. Taking one block touches a
 * bitmap and a descriptor; a data block may need three pointer blocks, each
 * from another group, and dirties an existing pointer block and the inode.
 */
#define VEXFS_CR_INODE		1
#define VEXFS_CR_BLOCK		2
#define VEXFS_CR_DATA		(4 * VEXFS_CR_BLOCK + 4 + VEXFS_CR_INODE)
#define VEXFS_CR_ORPHAN		3
#define VEXFS_CR_ENTRY		(VEXFS_CR_DATA + 1)
#define VEXFS_CR_NEW_INODE	(2 + VEXFS_CR_INODE)
#define VEXFS_CR_XATTR		(2 * VEXFS_CR_BLOCK + 2 + VEXFS_CR_INODE)
#define VEXFS_CR_WRITE		(VEXFS_CR_DATA + VEXFS_CR_ORPHAN)
#define VEXFS_CR_CREATE		(VEXFS_CR_ENTRY + VEXFS_CR_NEW_INODE + \
				 VEXFS_CR_BLOCK + 1 + VEXFS_CR_ORPHAN)
#define VEXFS_CR_UNLINK		(2 + 2 * VEXFS_CR_INODE + VEXFS_CR_ORPHAN)
#define VEXFS_CR_RENAME		(2 * VEXFS_CR_ENTRY + 4 * VEXFS_CR_INODE + \
				 VEXFS_CR_ORPHAN)
/* One step of a truncation, and when to start the next transaction. */
#define VEXFS_CR_TRUNCATE	(4 * VEXFS_CR_BLOCK + 4 + VEXFS_CR_INODE + \
				 VEXFS_CR_ORPHAN)
#define VEXFS_CR_TRUNCATE_STEP	(2 * VEXFS_CR_BLOCK + 2 + VEXFS_CR_INODE)

enum vexfs_errors {
	VEXFS_ERRORS_CONTINUE,
	VEXFS_ERRORS_RO,
	VEXFS_ERRORS_PANIC,
};

struct vexfs_group {
	spinlock_t		g_lock;
	/*
	 * Blocks that may not be handed out: the bitmap on disk, plus blocks
	 * whose release has not been committed. Loaded at first use.
	 */
	unsigned char		*g_map;
	u32			g_free;		/* clear bits in g_map */
	u32			g_next;		/* where to search next */
};

struct vexfs_sb_info {
	struct super_block	*s_sb;
	struct buffer_head	*s_sbh;
	struct vexfs_super_block *s_es;
	struct buffer_head	**s_gdt;
	struct vexfs_group	*s_groups;
	journal_t		*s_journal;
	struct jbd2_buffer_trigger_type s_bitmap_trigger;

	u32			s_blocks_count;
	u32			s_inodes_count;
	u32			s_groups_count;
	u32			s_inodes_per_group;
	u32			s_gdt_blocks;
	u32			s_itable_blocks;
	u32			s_journal_start;
	u32			s_journal_blocks;
	u32			s_hash_seed;
	u32			s_csum_seed;
	u32			s_overhead;	/* blocks that hold no data */
	enum vexfs_errors	s_errors;

	struct mutex		s_sb_lock;	/* writes of the superblock */
	struct mutex		s_map_lock;	/* loading of g_map */
	struct mutex		s_orphan_lock;
	struct list_head	s_orphans;
	spinlock_t		s_freed_lock;
	struct list_head	s_freed;	/* waiting for their commit */
	u64			s_freed_blocks;

	struct percpu_counter	s_free_blocks;
	struct percpu_counter	s_free_inodes;
	struct percpu_counter	s_dirs;

	atomic64_t		s_vec_added;
	atomic64_t		s_vec_deleted;
	atomic64_t		s_vec_searches;
	atomic64_t		s_vec_compared;

	struct kobject		s_kobj;
	struct completion	s_kobj_unregister;
};

struct vexfs_dir_index;
struct vexfs_ivf;

struct vexfs_inode_info {
	__le32			i_data[VEXFS_N_BLOCKS];
	u32			i_flags;
	u32			i_xattr_block;
	u32			i_parent;
	u32			i_orphan_next;
	time64_t		i_dtime;
	loff_t			i_disksize;	/* i_size in the inode table */
	struct timespec64	i_btime;
	struct vexfs_vec_desc	i_vec;
	struct vexfs_ivf	*i_ivf;		/* i_vec's index, once loaded */

	struct rw_semaphore	i_map_lock;	/* i_data and pointer blocks */
	u64			i_first_lblk;	/* first block given out, */
	u32			i_first_pblk;	/* from which to reckon in holes */
	u64			i_last_lblk;	/* last block given out, */
	u32			i_last_pblk;	/* to carry on behind it */

	struct rw_semaphore	i_xattr_lock;
	struct mutex		i_index_lock;	/* making of i_index */
	struct vexfs_dir_index	*i_index;

	spinlock_t		i_raw_lock;	/* copying to the inode table */
	struct list_head	i_orphan;
	struct jbd2_inode	i_jinode;
	tid_t			i_sync_tid;
	tid_t			i_datasync_tid;

	struct inode		vfs_inode;
};

static inline struct vexfs_sb_info *VEXFS_SB(struct super_block *sb)
{
	return sb->s_fs_info;
}

static inline struct vexfs_inode_info *VEXFS_I(struct inode *inode)
{
	return container_of(inode, struct vexfs_inode_info, vfs_inode);
}

static inline bool vexfs_is_vector(struct inode *inode)
{
	return VEXFS_I(inode)->i_flags & VEXFS_VECTOR_FL;
}

static inline bool vexfs_is_index(struct inode *inode)
{
	return VEXFS_I(inode)->i_flags & VEXFS_INDEX_FL;
}

static inline u32 vexfs_crc(u32 crc, const void *data, size_t len)
{
	return __crc32c_le(crc, data, len);
}

static inline u32 vexfs_crc_u32(u32 crc, u32 value)
{
	__le32 raw = cpu_to_le32(value);

	return vexfs_crc(crc, &raw, sizeof(raw));
}

static inline u32 vexfs_group_first(u32 group)
{
	return group * VEXFS_BLOCKS_PER_GROUP;
}

/* Blocks of a group; the last may be short. */
static inline u32 vexfs_group_blocks(struct vexfs_sb_info *sbi, u32 group)
{
	return min_t(u32, VEXFS_BLOCKS_PER_GROUP,
		     sbi->s_blocks_count - vexfs_group_first(group));
}

/* The longest name, in bytes. */
static inline u32 vexfs_name_max(void)
{
	return VEXFS_YOUNG(short_names) ? VEXFS_SHORT_NAME_MAX : VEXFS_NAME_MAX;
}

/* A time as the disk keeps it, and stat(2) shows it. */
static inline struct timespec64 vexfs_kept_time(struct timespec64 ts)
{
	if (VEXFS_YOUNG(coarse_times)) {
		ts.tv_sec &= ~(time64_t)(VEXFS_COARSE_SECONDS - 1);
		ts.tv_nsec = 0;
	}
	return ts;
}

struct seq_file;

/* super.c */
extern const struct super_operations vexfs_sops;

/* mount.c */
extern struct file_system_type vexfs_fs_type;
int vexfs_show_options(struct seq_file *m, struct dentry *root);
void vexfs_free_info(struct super_block *sb);

/* message.c */
__printf(3, 4)
void vexfs_msg(struct super_block *sb, const char *level, const char *fmt, ...);

/* superblock.c */
int vexfs_read_super(struct super_block *sb);
void vexfs_super_set_csum(struct vexfs_super_block *es);
int vexfs_write_super(struct super_block *sb, u32 set, u32 clear);
int vexfs_set_ro_feature(struct super_block *sb, u32 feature);

/* errors.c */
__printf(2, 3)
void vexfs_error(struct super_block *sb, const char *fmt, ...);
void vexfs_count_error(struct super_block *sb);

/* group.c */
struct vexfs_group_desc *vexfs_group_desc(struct super_block *sb, u32 group,
					  struct buffer_head **bh);
void vexfs_desc_set_csum(struct super_block *sb, u32 group,
			 struct vexfs_group_desc *desc);
bool vexfs_desc_valid(struct super_block *sb, u32 group);
u32 vexfs_data_start(struct vexfs_sb_info *sbi, u32 group);
bool vexfs_data_valid(struct super_block *sb, u32 block, u32 count);
struct buffer_head *vexfs_read_bitmap(struct super_block *sb, u32 block);

/* freemap.c */
int vexfs_load_map(struct super_block *sb, u32 group);
int vexfs_claim(struct vexfs_group *grp, int goal, u32 *count);
void vexfs_unclaim(struct vexfs_group *grp, u32 bit, u32 count);

/* freed.c */
int vexfs_init_freed(void);
void vexfs_exit_freed(void);
void vexfs_note_freed(handle_t *handle, struct vexfs_sb_info *sbi, u32 start,
		      u32 count);
void vexfs_release_freed(journal_t *journal, transaction_t *txn);
void vexfs_drop_freed(struct vexfs_sb_info *sbi);
bool vexfs_retry_alloc(struct super_block *sb, int *retries);

/* balloc.c */
u32 vexfs_next_free(struct inode *inode);
u32 vexfs_new_blocks(handle_t *handle, struct inode *inode, u32 goal,
		     u32 *count, int *err);
void vexfs_free_blocks(handle_t *handle, struct inode *inode, u32 start,
		       u32 count);
void vexfs_discard_block(handle_t *handle, struct inode *inode, u32 block);
void vexfs_forget_block(handle_t *handle, struct inode *inode, u32 block);

/* ialloc.c */
struct inode *vexfs_new_inode(handle_t *handle, struct inode *dir, umode_t mode,
			      struct mnt_idmap *idmap);
void vexfs_free_inode(handle_t *handle, struct inode *inode);

/* map.c */
int vexfs_map_blocks(handle_t *handle, struct inode *inode, u64 lblk, u32 max,
		     u32 *pblk, bool *new);
int vexfs_get_block(struct inode *inode, sector_t iblock,
		    struct buffer_head *bh, int create);
int vexfs_get_block_new(struct inode *inode, sector_t iblock,
			struct buffer_head *bh, int create);
struct buffer_head *vexfs_read_pointers(struct inode *inode, u32 block);
u32 vexfs_run(__le32 *slot, u32 max);
loff_t vexfs_max_size(void);

/* metablock.c */
struct buffer_head *vexfs_bread(struct inode *inode, u64 lblk);
struct buffer_head *vexfs_append(handle_t *handle, struct inode *inode,
				 int *err);

/* inodetable.c */
int vexfs_inode_buffer(struct super_block *sb, unsigned long ino,
		       struct buffer_head **bh, struct vexfs_inode **raw);
void vexfs_raw_set_csum(struct vexfs_sb_info *sbi, u32 ino,
			struct vexfs_inode *raw);
bool vexfs_raw_valid(struct vexfs_sb_info *sbi, u32 ino,
		     struct vexfs_inode *raw);
int vexfs_mark_inode(handle_t *handle, struct inode *inode);
void vexfs_dirty_inode(struct inode *inode, int flags);
int vexfs_write_inode(struct inode *inode, struct writeback_control *wbc);
void vexfs_touch(struct inode *inode);

/* orphan.c */
int vexfs_orphan_add(handle_t *handle, struct inode *inode);
int vexfs_orphan_del(handle_t *handle, struct inode *inode);
int vexfs_orphan_cut(struct super_block *sb);

/* truncate.c */
int vexfs_free_tail(handle_t *handle, struct inode *inode, loff_t size);
int vexfs_zero_tail(handle_t *handle, struct inode *inode, loff_t size);
int vexfs_zero_eof(struct inode *inode);
int vexfs_truncate(struct inode *inode);

/* inode.c */
void vexfs_set_ops(struct inode *inode);
void vexfs_put_corrupt(struct inode *inode);
struct inode *vexfs_iget(struct super_block *sb, unsigned long ino);

/* evict.c */
void vexfs_evict_inode(struct inode *inode);

/* recovery.c */
int vexfs_orphan_cleanup(struct super_block *sb);

/* attr.c */
int vexfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct iattr *attr);
int vexfs_getattr(struct mnt_idmap *idmap, const struct path *path,
		  struct kstat *stat, u32 request_mask, unsigned int flags);
extern const struct inode_operations vexfs_file_iops;
extern const struct inode_operations vexfs_special_iops;

/* file.c */
extern const struct file_operations vexfs_file_fops;
extern const struct address_space_operations vexfs_aops;
int vexfs_fsync(struct file *file, loff_t start, loff_t end, int datasync);

/* symlink.c, namei.c, dir.c; the rest of them is in names.h */
extern const struct inode_operations vexfs_symlink_iops;
extern const struct inode_operations vexfs_dir_iops;
extern const struct file_operations vexfs_dir_fops;

/* xattr.c */
extern const struct xattr_handler *vexfs_xattr_handlers[];
ssize_t vexfs_listxattr(struct dentry *dentry, char *buffer, size_t size);
void vexfs_free_xattrs(handle_t *handle, struct inode *inode);

/* journal.c */
int vexfs_journal_open(struct super_block *sb);
int vexfs_journal_close(struct super_block *sb);
int vexfs_journal_needs_recovery(struct super_block *sb);
int vexfs_journal_settle(struct super_block *sb);
handle_t *vexfs_start_at(struct super_block *sb, int blocks, int revokes,
			 unsigned int line);
#define vexfs_start(sb, blocks) vexfs_start_at(sb, blocks, 0, __LINE__)
#define vexfs_start_revoke(sb, blocks, revokes) \
	vexfs_start_at(sb, blocks, revokes, __LINE__)
handle_t *vexfs_start_nofail_at(struct super_block *sb, int blocks, int revokes,
				unsigned int line);
#define vexfs_start_nofail(sb, blocks, revokes) \
	vexfs_start_nofail_at(sb, blocks, revokes, __LINE__)
int vexfs_stop(handle_t *handle);
void vexfs_sync_names(handle_t *handle, const struct inode *dir);
void vexfs_sync_inode(handle_t *handle, const struct inode *inode);
int vexfs_get_write(handle_t *handle, struct buffer_head *bh);
int vexfs_get_create(handle_t *handle, struct buffer_head *bh);
int vexfs_dirty(handle_t *handle, struct buffer_head *bh);

/* vecdesc.c */
bool vexfs_vec_desc_valid(struct inode *inode);

/* vector.c */
long vexfs_vec_ioctl(struct file *file, unsigned int cmd, void __user *arg);

/* ivf.c, ivfbuild.c */
void vexfs_ivf_free(struct vexfs_ivf *ivf);
struct inode *vexfs_ivf_detach(struct inode *inode);

/* ioctl.c */
long vexfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* sysfs.c */
int vexfs_init_sysfs(void);
void vexfs_exit_sysfs(void);
int vexfs_register_sysfs(struct super_block *sb);
void vexfs_unregister_sysfs(struct super_block *sb);

#endif /* VEXFS_H */
