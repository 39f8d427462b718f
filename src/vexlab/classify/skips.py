"""Functions that are never the blamed one: tables by kind of work.

The kernel's reporting machinery, allocators, locks and copies are where a bug shows, not where it is made. The names are
those of the kernel's own sources from 2.6 to 6.x. A row is matched where a name begins, behind underscores and what the
kernel puts before its own helpers (``arch_``, ``raw_``); so a filesystem's ``demo_free_pages`` is not one of them. A row
that begins with ``^`` is matched as it stands.
"""

from __future__ import annotations

import re
from functools import lru_cache

# __pfx_f, __cfi_f (kernel's own alignment symbols), arch_f, raw_f, native_f, ...
_BEFORE = r"(?:(?:pfx|cfi|pi|arch|raw|native|generic|pv|debug|nmi|kthread|memcg|mempool|instrument|ftrace|x86|asm|dev|netdev)_+)*"

REPORTING = (
    # sanitizers and their entry points (mm/kasan, mm/kmsan, kernel/kcsan, mm/kfence, lib/ubsan.c, kernel/kcov.c)
    r"[ck]a?san(?:_|$)|kmsan|ubsan|asan_|msan_|tsan_|hwasan_|sanitizer|kfence|sanitize_|kcsan_|kmemleak",
    r"^__(?:ubsan|asan|tsan|msan|kcsan|kasan|hwasan)|^handle_overflow$|^__ubsan_handle|UBSAN",
    r"check_memory_region|check_region_inline|^_*(?:create|link)_object$",
    r"__?asan_|^__sanitizer",
    # stack walking and printing
    r"dump_(?:stack|page|header|backtrace|unreclaimable)|walk_stack|stack_walk|unwind_backtrace|walk_stackframe",
    r"show_(?:stack|regs|trace|backtrace)|(?:save|stack)_(?:stack_)?trace|stack_?depot|save_stack|stack_trace|depot_save_stack",
    r"trigger_(?:all_cpu|single_cpu|cpumask)_backtrace|cpu_backtrace|raise_cpu_backtrace",
    r"print_(?:address|circular|usage|bad|lock|irq|deadlock|modules|stack|report|unlock|freed|vma|tainted|track|trailer|section|page_info)",
    # panic, WARN, BUG (kernel/panic.c, lib/bug.c)
    r"v?panic|fortify_|warn_slowpath|warn(?:_printk)?$|WARN_|warn_(?:on|bogus|alloc)|report_bug|handle_bug|fixup_bug|bug_handler",
    r"(?:get|add)_taint|(?:check_)?panic_on_warn|nmi_panic|skb_panic",
    # exception entries (arch/x86/kernel/traps.c, arch/x86/mm/fault.c)
    r"do_(?:error_)?trap(?!_ecall)|do_(?:general_protection|invalid_op|divide_error|int3|stack_segment|double_fault)",
    r"^(?:asm_)?exc_|^(?:general_protection|invalid_op|divide_error|page_fault|double_fault|int3|error_code)$",
    r"^(?:error|paranoid)_(?:entry|exit)|^no_context$|^_*bad_area|__die|^_*die(?:_body|_header)?$|^_*(?:page_fault_)?oops_|kernelmode_fixup|^(?:asm_)?sysvec_",
    # tracing, debug objects, fault injection
    r"^_*(?:do_)?trace_|^__traceiter_|^__probestub_|perf_trace_|trace_event|^ftrace_(?:graph|caller|call|ops|regs|stub|trace)|trace_(?:hard|soft)irqs",
    r"^return_to_handler$|^__bpf_trace_",
    r"debug_(?:object|check|print|spin|mutex|locks)|(?:object|check|print|spin|mutex|locks)_(?=debug)|assert_init|static_object",
    r"^_*debug_|^\w+_is_static_object$|should_fail|fail_dump|ref_tracker",
    r"^core::|^kernel::panic|rust_begin_unwind|rust_panic|rust_helper_BUG|^_*rustc::rust_begin_unwind",
)
ENTRY = (
    # exceptions taken in the kernel: arm64 and ARM (arch/arm*/kernel/entry*, arch/arm*/mm/fault.c); el0_ is a system call's way in
    r"^_*el1h?_|^do_(?:mem_abort|sp_pc_abort|translation_fault|alignment\w*|DataAbort|PrefetchAbort|undefinstr|sect_fault)",
    r"^do_(?:tag_check_fault|tag_recovery|debug_exception|sea|bad(?:_area|_page_fault)?\w*)$|^do_el1_",
    r"^die_kernel_fault$|^__do_kernel_fault$|^arm_notify_die$|^_*(?:und|dabt|pabt)_svc$",
    r"^(?:bug_)?brk_handler$|^call_(?:el1_)?break_hook$|^call_undef_hook$",
    # PowerPC, MIPS, LoongArch, s390, RISC-V
    r"^program_check_|^data_access_common|^handle_(?:exception|break|reserved|ri|bp|adel|ades|tlb[lms]?|tlb_\w+)(?:_int)?$",
    r"^do_(?:bp|ri|ade[ls]?)$|^_*do_pgm_check$|^pgm_check_handler$|^(?:do_)?no_context$|^do_dat_exception$|^illegal_op$",
    r"^hash__do_page_fault$|^bad_page_fault$|^(?:instruction|data)_(?:access|storage)\w*_common\w*$|^do_program_check$",
)
MEMORY = (
    # kmalloc() and its kin, SLUB, SLAB, SLOB (mm/sl?b.c, mm/slab_common.c, mm/util.c); draining and shrinking are work of their own
    r"k[mzcv]+alloc|kv?realloc|v[mz]alloc|vrealloc|kmem_|slob|slub|mempool_(?:alloc|free|create|exit|init|destroy)|do_kmalloc",
    r"slab_(?:alloc|free|post|pre|err|bug|pad|out_of|fix|want|lock|unlock|kmalloc|destroy|get_obj|put_obj)",
    r"(?:new|allocate|discard|free|check|kmalloc|acquire)_slab|alloc_slab_page|get_partial|setup_object|shuffle_freelist",
    r"object_err|(?:free|alloc)_(?:debug|consistency)_|(?:\w+_)?debug_processing|(?:\w+_)?consistency_checks|^check_(?:object|slab|bytes)|on_freelist|^free_(?:obj_work|object)$",
    r"^sock_kmalloc$|^arch_kexec_post_alloc_pages$|^do_try_to_free_pages$|^try_to_free_pages$|^kernel_init_free_pages$|^test_kmalloc\w*$",
    r"memdup|strn?dup|kmemdup|kstrn?dup|kv?asprintf|devm_k|phys_addr|kfree_const",
    r"^_+cache_(?:free|alloc)|^__virt_to_phys|^_*phys_addr(?:_\w+)?$",
    # __kfree_rcu_sheaf() allocates
    r"kv?free(?!_rcu_sheaf)|kzfree|vfree|vunmap|free_large|free_percpu|free_to_p(?:cp|artial_list)",
    # the page allocator (mm/page_alloc.c, mm/mempolicy.c), the owners of its pages (mm/page_owner.c)
    r"free_pages?|(?:do_)?(?:try_to_)?free_(?:pages|one_page|frozen|unref_|the_page|pcp|reserved|insn_slot)|page_frag_(?:alloc|free)|page_frag_cache_",
    r"alloc_(?:\w+_)?pages?|page_alloc|alloc_percpu|pcpu_(?:alloc|populate|mem|create|get|depopulate)|vma_alloc_folio|isolate_free_page",
    r"init_free_pages|(?:set_|reset_|save_)?page_owner|pgalloc_tag|post_alloc|kimage_alloc",
    r"get_(?:zeroed_|free_)pages?|(?:try_)?(?:get|put)_pages?(?:$|_)|get_page_from|prep_new_page",
    # the page cache's getters (mm/filemap.c, mm/swap.c)
    r"folio_alloc|folios?_put(?:$|_refs|_test)|folio_(?:get|try_get|ref_)|folio_(?:un)?lock(?:_killable)?$|(?:un)?lock_page",
    r"filemap_(?:alloc|get)_folio|find_(?:get|lock)_(?:page|entr)|truncate_inode_pages|pagecache_get_page|grab_cache_page",
)
STRINGS = (
    # lib/string.c, arch/*/lib/mem*.S; ARM's kallsyms knows memset() and memcpy() as mmioset and mmiocpy
    r"mem(?:cmp|cpy|set|move|scan|chr|p?copy|zero)|mmio(?:set|cpy)$|clear_user|rep_(?:movs|stos)",
    r"(?:sized_)?str[a-z]{2,9}(?:_pad|_nocheck)?$|str(?:n|l|s)?(?:cpy|len|cmp|cat)|strchr|strstr|sized_str",
    r"^read_word_at_a_time$|^load_unaligned_zeropad$|^dentry_string_cmp$|^(?:full_name_hash|hashlen_string|hash_name)$",
    r"^nla_(?:memcpy|memcmp|strcmp|strscpy)$|^seq_hlist_next$",
    # lib/vsprintf.c, lib/seq_buf.c, kernel/printk
    r"v?s[nc]*printf|vprintf|bstr_printf|vprintk|(?:v|_)?printk|seq_(?:buf_)?v?printf",
    r"^(?:string|pointer|number|format_decode|string_nocheck|va_format|widen_string|put_dec|special_hex_number|ptr_to_id)$",
    r"^(?:hex|symbol|bitmap|bitmap_list|uuid|mac_address|ip[46]\w*|escaped|error|resource|device_node|fourcc|netdev_bits)_string$",
    r"^_*(?:dev|netdev)_(?:info|warn|err|notice|crit|emerg|alert|dbg)$|^_*(?:dev|netdev)_v?printk|^dev_v?printk_emit$|^aa_label_printk$|^is_printk_\w+$|^dynamic_emit",
    # user copies (arch/*/lib/*user*, lib/usercopy.c, mm/usercopy.c, lib/iov_iter.c)
    r"copy_(?:from|to|tofrom|in)_(?:user|iter|kernel|sockptr|page|bpf)|^_+copy_(?:from|to)|^copy(?:in|out)(?:_|$)",
    r"raw_copy|^_*copy_user|copy_mc|copy_struct_from_user|instrument_copy|arch_copy_(?:to|from)_user",
    r"copy_(?:page|folio)_(?:from|to)|csum_and_copy|usercopy|copy_overflow|^_*check_(?:heap_)?object|iterate_(?:and_advance|iovec)",
    r"^_*(?:get|put)_user(?:_nocheck|_bad|_asm)?(?:_\d)?$|iov_iter_(?:copy|zero|fault)|csum_partial|strn\w+_user",
    # checksums; crc32c() was called through the crypto layer until 6.12 and stands for itself
    r"crc(?:16|32(?!c)|_)|hex_(?:dump|string)|print_hex|crc_t10dif",
)
LOCKS = (
    r"(?:spin|read|write|raw|rt|seq|local)_(?:try)?(?:un)?lock|spin_|raw_(?:read|write|spin)|do_raw_|queued_(?:read|write|spin)",
    r"mutex_(?:un|try)?lock|mutex_(?:spin|optimistic|remove|add|can|init|destroy)|__mutex|ww_mutex|rtlock|rt_mutex|osq_(?:un)?lock",
    r"rwsem|down_(?:read|write|interruptible|killable|timeout|trylock)|up_(?:read|write)|downgrade_write|rwbase|init_rwsem",
    r"rwsem_\w+|^call_rwsem_|^pernet_ops_rwsem$|^ldsem_|(?:rt_mutex|rwsem)$",
    r"^_*(?:down|up)(?:_common)?$|percpu_(?:down|up)_|^_*(?:srcu_)?lock_(?:acquired?|release|contended|downgrade)\b",
    # the scheduler's run queues (kernel/sched/core.c)
    r"(?:spin_|raw_spin_)?rq_(?:un)?lock|(?:task|this|double)_rq_(?:un)?lock|double_lock_balance",
    r"lockdep|lock_class|assign_lock_key|validate_chain|^valid_state$|^(?:add|lookup)_chain_|^add_lock_to_list$|lock_(?:un)?pin_lock|^_*lock_set_(?:sub)?class|^lock_sync$",
    r"^_*check_(?:prevs?_add|deadlock|noncircular|redundant|irq_usage|usage\w*|path|wait_context|flags)$",
    r"^_*mark_(?:lock|held|usage)|lock_acquire|reacquire_held|find_held|match_held|pv_(?:queued|wait|kick|hybrid)",
    r"local_(?:bh|irq)|_?bh_(?:enable|disable)|hardirqs_o|softirqs_o|irqs?_(?:disabled|restore|save)|irq_enable",
    r"might_(?:sleep|fault|resched|alloc)|__might|preempt_(?:count|schedule|disable|enable)|cant_sleep",
    r"rcu_(?:read_)?(?:un)?lock|rcu_lock|rcu_dereference|seqcount|write_seq|read_seq|seqprop|call_s?rcu|srcu_struct",
    r"^(?:reiserfs_write|cpus_read|cpus_write)_(?:un)?lock$|^(?:register|look_up)_lock_class$|^rcu_sync_lockdep_assert$|^cleanup_srcu_struct$",
    r"^task_blocks_on_rt_mutex$",
    r"^rcu_note_context_switch$|^rcu_preempt_deferred_qs\w*$|^kvfree_call_rcu$",
)
ATOMICS = (
    r"atomic(?:64|_long)?_(?:inc|dec|add|sub|read|set|fetch|cmpxchg|xchg|and|or|try)|^_*cmpxchg|cmpxchg\d*$|^_*xchg",
    r"(?:test_(?:and_)?)?(?:set|clear|test|change)_bit(?![so]|map)|bit_(?:spin_)?(?:un)?lock|find_(?:next|first|last|nth)_\w*bit",
    r"refcount|kref_|instrument_|read_once|^arch_(?:atomic|local_|spin_|static_branch|test_bit|set_bit|clear_bit|change_bit|irqs_)",
    r"^tty_kref_put$",
)
CONTAINERS = (
    r"list_(?:add|del|move|splice|cut|rotate|empty|replace)|hlist_|klist|llist_|plist_",
    r"rb_(?:insert|erase|next|first|last|prev|add|link|replace)|^__rb_",
    r"xas?_(?!destroy)|xarray_|ida_|idr_(?:alloc|get_free|preload)",
    # hash tables (include/linux/rhashtable.h, lib/rhashtable.c)
    r"rht_|rhashtable_(?:lookup|insert|remove)|rhltable_|^_*rhashtable_(?:lookup|insert|remove)\w*$",
)
WAITING = (
    # kernel/sched/wait.c, completion.c, swait.c; try_to_wake_up() is the scheduler's own work
    r"wake_up|swake_|wake_q|wait_(?:on_(?!freeing)|event|woken)|out_of_line_wait|(?:prepare|finish)_(?:to_)?s?wait|autoremove_wake|wake_(?:bit|page)_function",
    r"(?:try_)?wait_for_(?:completion|common)|^complete(?:_all|_done|_on\w*|_with_flags)?$|completion_done|default_wake_function",
    r"^_*schedule(?:_(?:timeout|preempt|hrtimeout|delayed|idle|work|bug)\w*)?$|kthread_(?:stop|park|unpark|flush)",
    # kernel/time/timer.c, hrtimer.c
    r"^_*(?:try_to_)?del_(?:singleshot_)?timer|^_*(?:mod|add|init|setup|internal_add)_timer|^__init_timer|^detach_(?:timer|if_pending)",
    r"lock_timer_base|^_*(?:try_to_)?timer_(?:delete|shutdown|reduce|init_key|start)|hrtimer_(?:start|cancel|try_to|init|setup|active|forward)",
    r"^schedule_hrtimeout",
    # kernel/workqueue.c, kernel/kthread.c
    r"(?:kthread_)?queue_(?:delayed_|rcu_)?work|(?:kthread_)?(?:cancel|mod)_(?:delayed_)?work|mod_delayed",
    r"^_*(?:kthread_|start_)?flush_(?:delayed_|rcu_)?work$|try_to_grab_pending|work_grab_pending|(?:kthread_)?insert_work|insert_wq_barrier",
    r"(?:flush|drain|destroy)_workqueue|^wq_destroy|^pwq_(?:release|dec)|^put_(?:pwq|unbound_pool)|^_*cancel_work_sync$|^destroy_worker|^check_flush_dependency$",
)
DEVICES = (
    r"kobject_|^(?:add|cleanup)_uevent|get_device_parent|devres_(?:release|remove|destroy)|^kset_",
    r"i2c_(?:add|del)_adapter|hwrng_unregister",
    # looking at every device of a bus, a class, a driver (drivers/base)
    r"^(?:bus|class|driver|device)_for_each_(?:dev|drv|device|child)\w*$|^(?:bus|class|driver)_find_device\w*$|^next_device$",
    r"device_(?:add|del|unregister)|^device_(?:register|release|initialize|create|destroy)|root_device_unregister",
    r"unregister_netdev|netdev_run_todo|rollback_registered|tty_(?:un)?register",
    r"(?:dpm_)?sysfs_(?:remove|(?:do_)?create|add|delete|warn|unmerge|merge|slab)|remove_files|(?:hid_)?device_remove|bus_(?:remove|add)_device",
    r"usb_(?:submit|kill|control|unlink|poison|start_wait|hcd_submit|bulk|interrupt|internal_control)_(?:urb|msg|wait)|usb_start_wait",
    r"^(?:in|out|in_|out_)[bwl]$|^io(?:read|write)\d|^(?:read|write)[bwlq]$|logic_(?:in|out)|raw_(?:read|write)",
    r"^__x86_(?:indirect|return)_thunk|^_*x86_(?:indirect|return)|retpoline|^srso_(?:alias_)?(?:return|safe)",
)
FILES = (
    # dropping and taking references (fs/inode.c, fs/dcache.c, fs/namespace.c, fs/file_table.c)
    r"^iput(?:_final|_not_last)?$|^iput|^ihold$|^igrab$|^dput|^dget\w*$|^(?:mntput|mntget)\w*$|^path_(?:put|get)$|^(?:drop|inc|set|clear)_nlink$",
    r"^dentry_(?:kill|unlist|unlink_inode|free)$|^_*dentry_kill$|^(?:shrink_)?lock_for_kill$|^lockref_put\w*$|^fput(?:_sync|_many)?$",
    # buffers (fs/buffer.c)
    r"^_*b(?:relse|forget|h_submit_read)$|^_*(?:un)?lock_buffer$|^(?:get|put)_bh$|^touch_buffer$|^mark_buffer_(?:dirty|async_write)\w*$",
    r"^_*(?:end_buffer_(?:read|write|async)\w*|wait_on_buffer|find_get_block(?:_nonatomic|_slow)?|lookup_bh_lru|bh_lru_install)$",
    r"^(?:folio_)?(?:create_empty_buffers|alloc_buffers)$|^(?:alloc|free)_buffer_head$|^(?:discard_buffer|drop_buffers)$",
)
CRYPTO = (
    # the glue between a cipher or hash and its user (crypto/*.c)
    r"^crypto_(?:shash|ahash|skcipher|alloc|create|destroy|acomp|scomp|sync|cipher|lskcipher)_?\w*$",
    r"^(?:shash|ahash|skcipher|lskcipher)_\w+$|^scatterwalk_\w+$|^simd_(?:skcipher|aead)_\w+$",
)

GENERAL = REPORTING + ENTRY + MEMORY + STRINGS + LOCKS + ATOMICS + CONTAINERS + WAITING + DEVICES + FILES + CRYPTO
"""Skipped in every report."""

# xfs: assfail, btrfs: btrfs_assertfail, gfs2: gfs2_assert_withdraw_i
_ASSERTS = re.compile(r"(?:^|_)ass(?:ert)?(?:_\w{1,20})?_?(?:fail(?:ed|ure)?|i)$|(?:^|_)assert(?:ion)?_fail\w*$")
# Functions of the kernel's headers, which are compiled into the module that calls them (include/linux).
_HEADERS = re.compile(
    r"^_*(?:h?list_(?:add|del|move|splice|cut|rotate|replace|empty)|hlist_|llist_|rb_(?:link|insert|add|erase)"
    r"|(?:arch_|raw_)?atomic(?:64|_long)?_|refcount_|kref_|k[mzc]alloc|kv?[mzc]alloc|kmem_cache_(?:alloc|free|zalloc)"
    r"|(?:spin|read|write|raw_spin|mutex|down|up)_(?:un)?(?:lock|read|write)|rcu_read_(?:un)?lock|test_(?:and_)?(?:set_|clear_)?bit"
    r"|set_bit|clear_bit|get_page|put_page|folio_(?:get|put)|memcpy|memset|memmove|str[a-z]+|fortify_|instrument_|kasan_)"
)


def asserts(name: str) -> bool:
    """Whether a function is a filesystem's own helper that complains on behalf of its caller."""
    return _ASSERTS.search(name) is not None


def helps(name: str) -> bool:
    """Whether a function of a module only does a caller's bidding: a header's, or one for assertions."""
    return asserts(name) or _HEADERS.match(name) is not None


def _compiled(rows: tuple[str, ...]) -> re.Pattern[str]:
    whole = [row for row in rows if row.startswith("^")]
    begins = [row for row in rows if not row.startswith("^")]
    return re.compile("|".join([*whole, rf"^_*{_BEFORE}(?:{'|'.join(begins)})"]))


_GENERAL = _compiled(GENERAL)


@lru_cache(maxsize=64)
def _extra(rows: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rows))


@lru_cache(maxsize=65536)
def skipped(name: str, extra: tuple[str, ...] = ()) -> bool:
    """Whether a function cannot be the blamed one; ``extra`` are a format's own additions, searched anywhere in it."""
    if _GENERAL.search(name) or asserts(name):
        return True
    return bool(extra) and _extra(extra).search(name) is not None
