/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels VexFS is built for (6.1 to 6.12).
 * The only place that looks at the kernel's version.
 */
#ifndef VEXFS_COMPAT_H
#define VEXFS_COMPAT_H

#include <linux/version.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/buffer_head.h>
#include <linux/mpage.h>
#include <linux/writeback.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
/* 6.3 put struct mnt_idmap in the place of the user namespace. */
#define mnt_idmap		user_namespace
#define vexfs_no_idmap		(&init_user_ns)
#else
#define vexfs_no_idmap		(&nop_mnt_idmap)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
static inline void vexfs_fill_stat(struct mnt_idmap *idmap, u32 request_mask,
				   struct inode *inode, struct kstat *stat)
{
	generic_fillattr(idmap, inode, stat);
}
#else
static inline void vexfs_fill_stat(struct mnt_idmap *idmap, u32 request_mask,
				   struct inode *inode, struct kstat *stat)
{
	generic_fillattr(idmap, request_mask, inode, stat);
}
#endif

/* 6.6 and 6.7 hid the inode's times behind accessors. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define vexfs_atime(inode)		((inode)->i_atime)
#define vexfs_mtime(inode)		((inode)->i_mtime)
#define vexfs_ctime(inode)		((inode)->i_ctime)
#define vexfs_set_atime(inode, ts)	((inode)->i_atime = (ts))
#define vexfs_set_mtime(inode, ts)	((inode)->i_mtime = (ts))
#define vexfs_set_ctime(inode, ts)	((inode)->i_ctime = (ts))
#else
#define vexfs_atime(inode)		inode_get_atime(inode)
#define vexfs_mtime(inode)		inode_get_mtime(inode)
#define vexfs_ctime(inode)		inode_get_ctime(inode)
#define vexfs_set_atime(inode, ts)	inode_set_atime_to_ts(inode, ts)
#define vexfs_set_mtime(inode, ts)	inode_set_mtime_to_ts(inode, ts)
#define vexfs_set_ctime(inode, ts)	inode_set_ctime_to_ts(inode, ts)
#endif

/* 6.5 replaced the splice read helper. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define filemap_splice_read	generic_file_splice_read
#endif

/*
 * 6.12 hands folios to write_begin() and write_end(). Blocks are as large as
 * pages here, so a folio never holds more than one.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
typedef struct page vexfs_wpage_t;

static inline vexfs_wpage_t *vexfs_grab_wpage(struct address_space *mapping,
					      pgoff_t index)
{
	vexfs_wpage_t *page = grab_cache_page_write_begin(mapping, index);

	return page ? page : ERR_PTR(-ENOMEM);
}

static inline struct page *vexfs_wpage_page(vexfs_wpage_t *page)
{
	return page;
}

static inline void vexfs_put_wpage(vexfs_wpage_t *page)
{
	unlock_page(page);
	put_page(page);
}

#define VEXFS_HAVE_WRITEPAGE	1
#else
typedef struct folio vexfs_wpage_t;

static inline vexfs_wpage_t *vexfs_grab_wpage(struct address_space *mapping,
					      pgoff_t index)
{
	return __filemap_get_folio(mapping, index, FGP_WRITEBEGIN,
				   mapping_gfp_mask(mapping));
}

static inline struct page *vexfs_wpage_page(vexfs_wpage_t *folio)
{
	return &folio->page;
}

static inline void vexfs_put_wpage(vexfs_wpage_t *folio)
{
	folio_unlock(folio);
	folio_put(folio);
}
#endif

/* Up to 6.7 jbd2_journal_init_inode() returned NULL, since then an error. */
#define vexfs_no_journal(journal)	IS_ERR_OR_NULL(journal)

#endif /* VEXFS_COMPAT_H */
