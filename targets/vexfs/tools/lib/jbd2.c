// SPDX-License-Identifier: GPL-2.0
/*
 * The journal's superblock (docs/format.md, section 12).
 */

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "crc32c.h"
#include "jbd2.h"
#include "layout.h"

__be32 jbd2_super_csum(const struct jbd2_super *js)
{
	struct jbd2_super copy = *js;

	copy.s_checksum = 0;
	return htobe32(crc32c(~0u, &copy, sizeof(copy)));
}

void jbd2_make_super(const struct layout *lo, const uint8_t uuid[16],
		     uint32_t sequence, void *buf)
{
	struct jbd2_super *js = buf;

	memset(buf, 0, VEXFS_BLOCK_SIZE);
	js->s_header.h_magic = htobe32(JBD2_MAGIC);
	js->s_header.h_blocktype = htobe32(JBD2_SUPERBLOCK_V2);
	js->s_blocksize = htobe32(VEXFS_BLOCK_SIZE);
	js->s_maxlen = htobe32(lo->journal_blocks);
	js->s_first = htobe32(1);
	js->s_sequence = htobe32(sequence);
	js->s_feature_incompat = htobe32(JBD2_FEATURES);
	memcpy(js->s_uuid, uuid, sizeof(js->s_uuid));
	js->s_nr_users = htobe32(1);
	js->s_checksum_type = JBD2_CSUM_CRC32C;
	js->s_checksum = jbd2_super_csum(js);
}

bool jbd2_super_valid(const struct layout *lo, const uint8_t uuid[16],
		      const struct jbd2_super *js, char *why, size_t size)
{
	const struct {
		const char	*name;
		uint32_t	is;
		uint32_t	should;
	} fields[] = {
		{ "magic", be32toh(js->s_header.h_magic), JBD2_MAGIC },
		{ "block type", be32toh(js->s_header.h_blocktype),
		  JBD2_SUPERBLOCK_V2 },
		{ "block size", be32toh(js->s_blocksize), VEXFS_BLOCK_SIZE },
		{ "length", be32toh(js->s_maxlen), lo->journal_blocks },
		{ "first block", be32toh(js->s_first), 1 },
		{ "compatible features", be32toh(js->s_feature_compat), 0 },
		{ "incompatible features", be32toh(js->s_feature_incompat),
		  JBD2_FEATURES },
		{ "read-only features", be32toh(js->s_feature_ro_compat), 0 },
		{ "number of users", be32toh(js->s_nr_users), 1 },
		{ "checksum type", js->s_checksum_type, JBD2_CSUM_CRC32C },
	};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].is != fields[i].should) {
			snprintf(why, size, "%s is %#x, not %#x",
				 fields[i].name, fields[i].is,
				 fields[i].should);
			return false;
		}
	if (memcmp(js->s_uuid, uuid, sizeof(js->s_uuid))) {
		snprintf(why, size, "its uuid is another filesystem's");
		return false;
	}
	if (be32toh(js->s_start) >= lo->journal_blocks) {
		snprintf(why, size, "start is %u, past its end",
			 be32toh(js->s_start));
		return false;
	}
	if (js->s_checksum != jbd2_super_csum(js)) {
		snprintf(why, size, "its checksum is wrong");
		return false;
	}
	return true;
}
