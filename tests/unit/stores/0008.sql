BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0008');
CREATE TABLE baselines (
	target VARCHAR NOT NULL, 
	run VARCHAR NOT NULL, 
	PRIMARY KEY (target), 
	FOREIGN KEY(run) REFERENCES runs (id)
);
CREATE TABLE "cases" (
	number INTEGER NOT NULL, 
	run VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	configuration VARCHAR NOT NULL, 
	domain VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	parameters VARCHAR NOT NULL, 
	kernel VARCHAR NOT NULL, 
	flavour VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	verdict VARCHAR NOT NULL, 
	duration_s FLOAT NOT NULL, 
	result JSON NOT NULL, 
	PRIMARY KEY (number), 
	FOREIGN KEY(run) REFERENCES runs (id)
);
INSERT INTO "cases" VALUES(1,'20261129-091417-b10a','kernel_module.memory_leak[6.1]','','kernel_module','memory_leak','','6.1','distro','9f5f1e22d82f0a77','passed',6.289,'{"key": {"domain": "kernel_module", "name": "memory_leak", "parameters": "", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "node": "kernel_module/test_lifecycle.py::test_memory_leak[6.1]", "level": 1, "digest": "9f5f1e22d82f0a77", "scenario": 2, "safety": "safe", "verdict": "passed", "reason": "", "started": 1795943659.352674, "duration_s": 6.289, "overhead_s": 0.1236, "machines": 1, "findings": [], "metrics": [{"name": "cycles_count", "value": 20.0, "unit": "", "direction": "none"}, {"name": "memory_difference_bytes", "value": -12288.0, "unit": "bytes", "direction": "lower"}, {"name": "leaking_caches_count", "value": 0.0, "unit": "", "direction": "none"}], "subresults": [], "evidence": "/home/user/vexlab-results/20261129-091417-b10a/cases/kernel_module.memory_leak[6.1]", "attempts": [], "known": [], "excused": false}');
INSERT INTO "cases" VALUES(2,'20261129-091417-b10a','filesystem_operations.foreign_device[6.1-xfs]','','filesystem_operations','foreign_device','xfs','6.1','distro','d5cb09094c259eab','passed',10.551,'{"key": {"domain": "filesystem_operations", "name": "foreign_device", "parameters": "xfs", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "node": "filesystem_operations/test_devices.py::test_foreign_device[6.1-xfs]", "level": 1, "digest": "d5cb09094c259eab", "scenario": 3, "safety": "safe", "verdict": "passed", "reason": "", "started": 1795943665.6857069, "duration_s": 10.551, "overhead_s": 0.287, "machines": 1, "findings": [], "metrics": [], "subresults": [], "evidence": "/home/user/vexlab-results/20261129-091417-b10a/cases/filesystem_operations.foreign_device[6.1-xfs]", "attempts": [], "known": [], "excused": false}');
INSERT INTO "cases" VALUES(5,'20261129-091417-b10a','safety_validation.damaged_fields[6.1-even]','','safety_validation','damaged_fields','even','6.1','distro','2b8fdb11ea3281a0','crashed',21.449,'{"key": {"domain": "safety_validation", "name": "damaged_fields", "parameters": "even", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "node": "safety_validation/test_bad_images.py::test_damaged_fields[6.1-even]", "level": 1, "digest": "2b8fdb11ea3281a0", "scenario": 0, "safety": "safe", "verdict": "crashed", "reason": "BUG: unable to handle kernel NULL pointer dereference in vexfs_readdir (while trying inode[14].i_block[0]=0)", "started": 1795943659.3525345, "duration_s": 21.449, "overhead_s": 0.8211, "machines": 1, "findings": [{"title": "BUG: unable to handle kernel NULL pointer dereference in vexfs_readdir", "type": "NULL-POINTER-DEREFERENCE", "severity": "crash", "frame": "vexfs_readdir", "text": "VEXFS-fs (loop0): mounted, read-write\nvexlab: damage 100 super.s_first_ino=4294967295\nVEXFS-fs (loop0): the superblock contradicts itself: reserved inodes\nvexlab: damage 101 inode[14].i_block[0]=0\nVEXFS-fs (loop0): mounted, read-write\nBUG: kernel NULL pointer dereference, address: 0000000000000028\n#PF: supervisor read access in kernel mode\n#PF: error_code(0x0000) - not-present page\nPGD 6971067 P4D 6971067 PUD 699e067 PMD 0 \nOops: 0000 [#1] PREEMPT SMP NOPTI\nCPU: 0 PID: 493 Comm: fsdamage Tainted: G           OE      6.1.0-56-cloud-amd64 #1  Debian 6.1.192-2\nHardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2-debian-1.16.2-1 04/01/2014\nRIP: 0010:vexfs_readdir+0xb0/0x240 [vexfs]\nCode: 48 8d 78 02 45 31 f6 48 89 7c 24 10 45 89 f4 48 89 44 24 18 eb 14 0f b7 43 08 41 01 c4 41 81 fc ff 0f 00 00 0f 87 cb 00 00 00 <49> 8b 5f 28 45 89 e6 48 8b 3c 24 48 89 e9 4c 89 fa 4c 01 f3 48 89\nRSP: 0018:ffffc9000073fe20 EFLAGS: 00000246\nRAX: 0000000000000000 RBX: ffff8880052a4ca0 RCX: 0000000000000001\nRDX: 0000000000000000 RSI: 0000000000000000 RDI: 0000000000000002\nRBP: 0000000000000000 R08: ffffc9000073fdf4 R09: 0000000000000000\nR10: 0000000000000000 R11: 0000000000000000 R12: 0000000000000000\nR13: ffffc9000073feb0 R14: 0000000000000000 R15: 0000000000000000\nFS:  0000000027f2a380(0000) GS:ffff88800f600000(0000) knlGS:0000000000000000\nCS:  0010 DS: 0000 ES: 0000 CR0: 0000000080050033\nCR2: 0000000000000028 CR3: 0000000006aaa000 CR4: 00000000000006b0\nCall Trace:\n <TASK>\n iterate_dir+0x177/0x1c0\n __x64_sys_getdents64+0x84/0x120\n do_syscall_64+0x5d/0x90\n entry_SYSCALL_64_after_hwframe+0x6e/0xd8\nRIP: 0033:0x44da59\nCode: ff ff c3 66 2e 0f 1f 84 00 00 00 00 00 0f 1f 40 00 48 89 f8 48 89 f7 48 89 d6 48 89 ca 4d 89 c2 4d 89 c8 4c 8b 4c 24 08 0f 05 <48> 3d 01 f0 ff ff 73 01 c3 48 c7 c1 bc ff ff ff f7 d8 64 89 01 48\nRSP: 002b:00007fff45726648 EFLAGS: 00000246 ORIG_RAX: 00000000000000d9\nRAX: ffffffffffffffda RBX: 0000000000000007 RCX: 000000000044da59\nRDX: 0000000000004000 RSI: 0000000027efe33c RDI: 0000000000000007\nRBP: 0000000000000007 R08: 0000000000000000 R09: 0000000000000000\nR10: 000000000000ffff R11: 0000000000000246 R12: 0000000000000003\nR13: 0000000000000000 R14: 00000000005133a0 R15: 00007fff4572a7d8\n </TASK>\nModules linked in: loop vexfs(OE) overlay squashfs virtio_console virtio_blk virtio_pci virtio_pci_legacy_dev virtio_pci_modern_dev virtio virtio_ring\nCR2: 0000000000000028\n---[ end trace 0000000000000000 ]---\nRIP: 0010:vexfs_readdir+0xb0/0x240 [vexfs]\nCode: 48 8d 78 02 45 31 f6 48 89 7c 24 10 45 89 f4 48 89 44 24 18 eb 14 0f b7 43 08 41 01 c4 41 81 fc ff 0f 00 00 0f 87 cb 00 00 00 <49> 8b 5f 28 45 89 e6 48 8b 3c 24 48 89 e9 4c 89 fa 4c 01 f3 48 89\nRSP: 0018:ffffc9000073fe20 EFLAGS: 00000246\nRAX: 0000000000000000 RBX: ffff8880052a4ca0 RCX: 0000000000000001\nRDX: 0000000000000000 RSI: 0000000000000000 RDI: 0000000000000002\nRBP: 0000000000000000 R08: ffffc9000073fdf4 R09: 0000000000000000\nR10: 0000000000000000 R11: 0000000000000000 R12: 0000000000000000\nR13: ffffc9000073feb0 R14: 0000000000000000 R15: 0000000000000000\nFS:  0000000027f2a380(0000) GS:ffff88800f600000(0000) knlGS:0000000000000000\nCS:  0010 DS: 0000 ES: 0000 CR0: 0000000080050033\nCR2: 0000000000000028 CR3: 0000000006aaa000 CR4: 00000000000006b0\nvexlab: damage 102 directory[11].block[0].at[20].d_ino=4294967295\nVEXFS-fs (loop0): mounted, read-write\nAborting journal on device loop0-0.\nVEXFS-fs (loop0): now read-only\nvexlab: damage 103 directory[15].block[0].at[0].d_rec_len=65535\nVEXFS-fs (loop0): mounted, read-write\nAborting journal on device loop0-0.\nVEXFS-fs (loop0): now read-only\nvexlab: damage 104 directory[15].block[0].at[48].d_type=9\nVEXFS-fs (loop0): mounted, read-write\nvexlab: damage 105 inode[1].i_mode^1!\nVEXFS-fs (loop0): the orphan list''s anchor fails its checksum\nvexlab: damage 106 super.s_first_ino^1!\nVEXFS-fs (loop0): the superblock''s checksum is wrong: run fsck", "fingerprint": "a7448e346de7a343", "source": "console"}, {"title": "BUG: unable to handle kernel NULL pointer dereference in vexfs_readdir", "type": "NULL-POINTER-DEREFERENCE", "severity": "crash", "frame": "vexfs_readdir", "text": "VEXFS-fs error (loop0): directory 15, block 0, byte 76: entry crosses the block''s end\nvexlab: damage -1 none\nVEXFS-fs (loop0): mounted, read-write\nvexlab: damage 150 inode[11].i_size=8192\nVEXFS-fs (loop0): mounted, read-write\nBUG: kernel NULL pointer dereference, address: 0000000000000028\n#PF: supervisor read access in kernel mode\n#PF: error_code(0x0000) - not-present page\nPGD 6ae5067 P4D 6ae5067 PUD 6b03067 PMD 0 \nOops: 0000 [#2] PREEMPT SMP NOPTI\nCPU: 1 PID: 576 Comm: fsdamage Tainted: G      D    OE      6.1.0-56-cloud-amd64 #1  Debian 6.1.192-2\nHardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2-debian-1.16.2-1 04/01/2014\nRIP: 0010:vexfs_readdir+0xb0/0x240 [vexfs]\nCode: 48 8d 78 02 45 31 f6 48 89 7c 24 10 45 89 f4 48 89 44 24 18 eb 14 0f b7 43 08 41 01 c4 41 81 fc ff 0f 00 00 0f 87 cb 00 00 00 <49> 8b 5f 28 45 89 e6 48 8b 3c 24 48 89 e9 4c 89 fa 4c 01 f3 48 89\nRSP: 0018:ffffc900007bfaf0 EFLAGS: 00000246\nRAX: 0000000000001000 RBX: 0000000000000000 RCX: 0000000000000001\nRDX: 0000000000000000 RSI: 0000000000000000 RDI: 0000000000001002\nRBP: 0000000000000001 R08: ffffc900007bfac4 R09: 0000000000000000\nR10: 0000000000000001 R11: 0000000000000000 R12: 0000000000000000\nR13: ffffc900007bfb80 R14: 0000000000000000 R15: 0000000000000000\nFS:  0000000027f2a380(0000) GS:ffff88800f700000(0000) knlGS:0000000000000000\nCS:  0010 DS: 0000 ES: 0000 CR0: 0000000080050033\nCR2: 0000000000000028 CR3: 00000000084b0000 CR4: 00000000000006a0\nCall Trace:\n <TASK>\n iterate_dir+0x177/0x1c0\n __x64_sys_getdents64+0x84/0x120\n do_syscall_64+0x5d/0x90\n entry_SYSCALL_64_after_hwframe+0x6e/0xd8\nRIP: 0033:0x44da59\nCode: ff ff c3 66 2e 0f 1f 84 00 00 00 00 00 0f 1f 40 00 48 89 f8 48 89 f7 48 89 d6 48 89 ca 4d 89 c2 4d 89 c8 4c 8b 4c 24 08 0f 05 <48> 3d 01 f0 ff ff 73 01 c3 48 c7 c1 bc ff ff ff f7 d8 64 89 01 48\nRSP: 002b:00007fff45729168 EFLAGS: 00000246 ORIG_RAX: 00000000000000d9\nRAX: ffffffffffffffda RBX: 0000000000000005 RCX: 000000000044da59\nRDX: 0000000000004000 RSI: 0000000027ef633c RDI: 0000000000000005\nRBP: 0000000000000005 R08: 0000000000000000 R09: 0000000000000000\nR10: 0000000000000000 R11: 0000000000000246 R12: 0000000000000001\nR13: 0000000000000000 R14: 00000000005133a0 R15: 00007fff4572a7d8\n </TASK>\nModules linked in: loop vexfs(OE) overlay squashfs virtio_console virtio_blk virtio_pci virtio_pci_legacy_dev virtio_pci_modern_dev virtio virtio_ring\nCR2: 0000000000000028\n---[ end trace 0000000000000000 ]---\nRIP: 0010:vexfs_readdir+0xb0/0x240 [vexfs]\nCode: 48 8d 78 02 45 31 f6 48 89 7c 24 10 45 89 f4 48 89 44 24 18 eb 14 0f b7 43 08 41 01 c4 41 81 fc ff 0f 00 00 0f 87 cb 00 00 00 <49> 8b 5f 28 45 89 e6 48 8b 3c 24 48 89 e9 4c 89 fa 4c 01 f3 48 89\nRSP: 0018:ffffc9000073fe20 EFLAGS: 00000246\nRAX: 0000000000000000 RBX: ffff8880052a4ca0 RCX: 0000000000000001\nRDX: 0000000000000000 RSI: 0000000000000000 RDI: 0000000000000002\nRBP: 0000000000000000 R08: ffffc9000073fdf4 R09: 0000000000000000\nR10: 0000000000000000 R11: 0000000000000000 R12: 0000000000000000\nR13: ffffc9000073feb0 R14: 0000000000000000 R15: 0000000000000000\nFS:  0000000027f2a380(0000) GS:ffff88800f700000(0000) knlGS:0000000000000000\nCS:  0010 DS: 0000 ES: 0000 CR0: 0000000080050033\nCR2: 0000000000000028 CR3: 00000000084b0000 CR4: 00000000000006a0\nvexlab: damage 151 journal.h_sequence=4294967295\nVEXFS-fs (loop0): mounted, read-write\nvexlab: damage 152 inode[18].i_orphan_next=18\nVEXFS-fs (loop0): mounted, read-write\nvexlab: damage 153 inode[1].i_vec.v_stride=4294967295\nVEXFS-fs (loop0): mounted, read-write\nvexlab: damage 154 directory[2].block[0].at[100].d_rec_len=4116\nVEXFS-fs (loop0): mounted, read-write\nAborting journal on device loop0-0.\nVEXFS-fs (loop0): now read-only\nvexlab: damage 155 group[0].bg_inode_bitmap=4294967295\nVEXFS-fs (loop0): the descriptor of group 0 is corrupt: run fsck\nvexlab: damage 156 inode[1].i_size=4\nVEXFS-fs (loop0): mounted, read-write", "fingerprint": "a7448e346de7a343", "source": "console"}], "metrics": [{"name": "possible_count", "value": 3174.0, "unit": "", "direction": "none"}], "subresults": [], "evidence": "/home/user/vexlab-results/20261129-091417-b10a/cases/safety_validation.damaged_fields[6.1-even]", "attempts": [], "known": [], "excused": false}');
INSERT INTO "cases" VALUES(7,'20261129-091417-b10a','kernel_module.unload[6.1]','','kernel_module','unload','','6.1','distro','1eb5870cf80207b3','passed',1.818,'{"key": {"domain": "kernel_module", "name": "unload", "parameters": "", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "node": "kernel_module/test_load.py::test_unload[6.1]", "level": 1, "digest": "1eb5870cf80207b3", "scenario": 1, "safety": "safe", "verdict": "passed", "reason": "", "started": 1795943681.6614954, "duration_s": 1.818, "overhead_s": 0.0515, "machines": 1, "findings": [], "metrics": [{"name": "unload_s", "value": 0.066185, "unit": "s", "direction": "lower"}], "subresults": [], "evidence": "/home/user/vexlab-results/20261129-091417-b10a/cases/kernel_module.unload[6.1]", "attempts": [], "known": [], "excused": false}');
INSERT INTO "cases" VALUES(14,'20261129-091417-b10a','kernel_module.load[6.1]','','kernel_module','load','','6.1','distro','80c7c5027f4b7662','undecided',0.0,'{"key": {"domain": "kernel_module", "name": "load", "parameters": "", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "node": "kernel_module/test_load.py::test_load[6.1]", "level": 1, "digest": "80c7c5027f4b7662", "scenario": 1, "safety": "safe", "verdict": "undecided", "reason": "it was not begun: the run ended before", "started": 0.0, "duration_s": 0.0, "overhead_s": 0.0, "machines": null, "findings": [], "metrics": [], "subresults": [], "evidence": "", "attempts": [], "known": [], "excused": false}');
CREATE TABLE measures (
	number INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	unit VARCHAR NOT NULL, 
	direction VARCHAR NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "measures" VALUES(1,'cycles_count','','none');
INSERT INTO "measures" VALUES(2,'leaking_caches_count','','none');
INSERT INTO "measures" VALUES(3,'memory_difference_bytes','bytes','lower');
INSERT INTO "measures" VALUES(4,'possible_count','','none');
INSERT INTO "measures" VALUES(5,'unload_s','s','lower');
CREATE TABLE metrics (
	"case" INTEGER NOT NULL, 
	measure INTEGER NOT NULL, 
	value FLOAT NOT NULL, 
	PRIMARY KEY ("case", measure)
)
 WITHOUT ROWID

;
INSERT INTO "metrics" VALUES(1,1,20.0);
INSERT INTO "metrics" VALUES(1,2,0.0);
INSERT INTO "metrics" VALUES(1,3,-12288.0);
INSERT INTO "metrics" VALUES(5,4,3174.0);
INSERT INTO "metrics" VALUES(7,5,0.066185);
CREATE TABLE plans (
	run VARCHAR NOT NULL, 
	"plan" JSON NOT NULL, 
	PRIMARY KEY (run), 
	FOREIGN KEY(run) REFERENCES runs (id)
);
INSERT INTO "plans" VALUES('20261129-091417-b10a','{"cases": [{"key": {"domain": "safety_validation", "name": "damaged_fields", "parameters": "even", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "node": "safety_validation/test_bad_images.py::test_damaged_fields[6.1-even]", "level": 1, "digest": "2b8fdb11ea3281a0", "scenario": 0, "safety": "safe"}, {"key": {"domain": "kernel_module", "name": "memory_leak", "parameters": "", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "node": "kernel_module/test_lifecycle.py::test_memory_leak[6.1]", "level": 1, "digest": "9f5f1e22d82f0a77", "scenario": 2, "safety": "safe"}, {"key": {"domain": "filesystem_operations", "name": "foreign_device", "parameters": "xfs", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "node": "filesystem_operations/test_devices.py::test_foreign_device[6.1-xfs]", "level": 1, "digest": "d5cb09094c259eab", "scenario": 3, "safety": "safe"}, {"key": {"domain": "kernel_module", "name": "unload", "parameters": "", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "node": "kernel_module/test_load.py::test_unload[6.1]", "level": 1, "digest": "1eb5870cf80207b3", "scenario": 1, "safety": "safe"}, {"key": {"domain": "kernel_module", "name": "load", "parameters": "", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "node": "kernel_module/test_load.py::test_load[6.1]", "level": 1, "digest": "80c7c5027f4b7662", "scenario": 1, "safety": "safe"}], "left_out": [], "faults": [], "taken_over": []}');
CREATE TABLE problems (
	run VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	started VARCHAR NOT NULL, 
	sighting JSON NOT NULL, 
	PRIMARY KEY (run, "key")
);
INSERT INTO "problems" VALUES('20261129-091417-b10a','finding:a7448e346de7a343','vexfs-teaching','2026-11-29T09:14:17+00:00','{"run": "20261129-091417-b10a", "target": "vexfs-teaching", "started": "2026-11-29T09:14:17+00:00", "problem": {"key": "finding:a7448e346de7a343", "title": "BUG: unable to handle kernel NULL pointer dereference in vexfs_readdir (while trying inode[14].i_block[0]=0)", "harm": 6, "cases": ["safety_validation.damaged_fields[6.1-even]"], "blocked": [], "evidence": "/home/user/vexlab-results/20261129-091417-b10a/cases/safety_validation.damaged_fields[6.1-even]", "seconds": 21.449, "finding": "BUG: unable to handle kernel NULL pointer dereference in vexfs_readdir", "known": "", "also": []}, "shown_by": [{"key": {"domain": "safety_validation", "name": "damaged_fields", "parameters": "even", "kernel": "6.1", "flavour": "distro", "target": "vexfs-teaching", "configuration": ""}, "digest": "2b8fdb11ea3281a0"}], "revision": "d17fa3a"}');
CREATE TABLE runs (
	id VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	kernels JSON NOT NULL, 
	accelerator VARCHAR NOT NULL, 
	started VARCHAR NOT NULL, 
	finished VARCHAR NOT NULL, 
	folder VARCHAR NOT NULL, state VARCHAR DEFAULT 'running' NOT NULL, environment VARCHAR DEFAULT '' NOT NULL, revision VARCHAR DEFAULT '' NOT NULL, provenance JSON DEFAULT '{}' NOT NULL, pinned BOOLEAN DEFAULT 0 NOT NULL, grouping INTEGER DEFAULT '0' NOT NULL, summary JSON, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('20261129-091417-b10a','vexfs-teaching','["6.1"]','tcg','2026-11-29T09:14:17+00:00','2026-11-29T09:14:43+00:00','/home/user/vexlab-results/20261129-091417-b10a','incomplete','','d17fa3a','{"revision": "d17fa3a", "kernels": [{"name": "6.1", "release": "6.1.0-56-cloud-amd64", "version": "6.1.192-2", "flavour": "distro", "accelerator": "tcg", "module": "6685c0b9ae9bb473b4c8abe4e1207631488836e1f5912494d9a8082b08f5a6a1", "image": null}], "qemu": "7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)", "vexlab": "0.1.0", "host": {"cores": 2, "memory": 24105, "cpu": "AMD EPYC", "kernel": "6.1.0-28-amd64", "name": ""}, "seed": null, "configurations": [], "given": "/home/user/vexlab/targets/vexfs/young/teaching.toml"}',0,4,'{"passed": 6, "failed": 0, "crashed": 1, "skipped": 0, "errors": 0, "undecided": 20, "blocked": 0, "known": 0, "stability": 25.9}');
CREATE TABLE trials (
	run VARCHAR NOT NULL, 
	"case" VARCHAR NOT NULL, 
	arm VARCHAR NOT NULL, 
	trial JSON NOT NULL, 
	PRIMARY KEY (run, "case", arm), 
	FOREIGN KEY(run) REFERENCES runs (id)
);
CREATE INDEX ix_problems_target ON problems (target);
CREATE INDEX ix_runs_started ON runs (started, id);
CREATE UNIQUE INDEX ix_measures_name ON measures (name, unit, direction);
CREATE UNIQUE INDEX ix_cases_run ON cases (run, id);
CREATE INDEX ix_cases_id ON cases (id);
CREATE INDEX ix_cases_domain ON cases (domain, run);
COMMIT;
