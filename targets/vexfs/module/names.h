/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_NAMES_H
#define VEXFS_NAMES_H
/*
 * VexFS: what the files share that deal with directories and names.
 */

#include "vexfs.h"

/* dirindex.c */
struct vexfs_dir_index *vexfs_get_index(struct inode *dir);
void vexfs_drop_index(struct inode *dir);
bool vexfs_index_next(struct vexfs_dir_index *index, u32 hash, u32 *cursor,
		      u32 *block);
void vexfs_index_add(struct inode *dir, u32 hash, u32 block);
void vexfs_index_remove(struct inode *dir, u32 hash, u32 block);
u32 vexfs_index_room(struct vexfs_dir_index *index, u32 need, u32 blocks);
void vexfs_index_set_room(struct inode *dir, u32 block,
			  struct buffer_head *bh);
bool vexfs_entry_valid(struct inode *dir, struct vexfs_dir_entry *de,
		       struct buffer_head *bh, u64 block);
bool vexfs_name_valid(struct inode *dir, struct vexfs_dir_entry *de,
		      struct buffer_head *bh, u64 block);
u32 vexfs_block_room(struct buffer_head *bh);
u32 vexfs_name_hash(struct inode *dir, const char *name, u32 len);

/* direntry.c */
struct vexfs_dir_entry *vexfs_find_entry(struct inode *dir,
					 const struct qstr *name,
					 struct buffer_head **bh);
int vexfs_add_entry(handle_t *handle, struct inode *dir,
		    const struct qstr *name, struct inode *inode);
int vexfs_remove_entry(handle_t *handle, struct inode *dir,
		       struct vexfs_dir_entry *de, struct buffer_head *bh);
int vexfs_set_entry(handle_t *handle, struct inode *dir,
		    struct vexfs_dir_entry *de, struct buffer_head *bh,
		    struct inode *inode);
int vexfs_dir_empty(struct inode *dir);

/* links.c */
void vexfs_lose_child(struct inode *dir);
int vexfs_drop_link(handle_t *handle, struct inode *inode);

/* symlink.c */
int vexfs_write_symlink(handle_t *handle, struct inode *inode,
			const char *target, u32 len);

/* rename.c */
int vexfs_rename(struct mnt_idmap *idmap, struct inode *old_dir,
		 struct dentry *old_dentry, struct inode *new_dir,
		 struct dentry *new_dentry, unsigned int flags);

#endif /* VEXFS_NAMES_H */
