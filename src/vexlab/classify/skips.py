"""Functions that are never the guilty one: tables by kind of work, matched anywhere in a name unless anchored.

The kernel's reporting machinery, allocators, locks and copies are where a bug shows, not where it is made. The
names are those of the kernel's own sources from 2.6 to 6.x.
"""

from __future__ import annotations

import re
from functools import lru_cache

REPORTING = (
    # sanitizers and their entry points (mm/kasan, mm/kmsan, kernel/kcsan, mm/kfence, lib/ubsan.c, kernel/kcov.c)
    r"[ck]a?san|kmsan|ubsan|UBSAN|^handle_overflow$|asan_|msan_|tsan_|sanitizer|kfence",
    r"check_memory_region|check_region_inline|kmemleak|^_*(?:create|link)_object$",
    # stack walking and printing
    r"^_*dump_(?:stack|page|header|backtrace|unreclaimable)|walk_stack|stack_walk|unwind_backtrace|walk_stackframe",
    r"show_(?:stack|regs|trace|backtrace)|(?:save|stack)_trace|stack_?depot|save_stack|backtrace",
    r"print_(?:address|circular|usage|bad|lock|irq|deadlock|modules|stack|report|unlock|freed|vma|tainted|track|trailer|section|page_info)",
    # panic, WARN, BUG (kernel/panic.c, lib/bug.c)
    r"panic|fortify_|warn_slowpath|__warn|^__WARN_|warn_(?:on|bogus|alloc)|report_bug|handle_bug|fixup_bug|bug_handler",
    # exception entries (arch/x86/kernel/traps.c, arch/x86/mm/fault.c)
    r"do_(?:error_)?trap(?!_ecall)|do_(?:general_protection|invalid_op|divide_error|int3|stack_segment|double_fault)",
    r"^(?:asm_)?exc_|^(?:general_protection|invalid_op|divide_error|page_fault|double_fault|int3|error_code)$",
    r"^(?:error|paranoid)_(?:entry|exit)|^no_context$|bad_area|__die|^die$|oops_|kernelmode_fixup|^(?:asm_)?sysvec_",
    # tracing, debug objects, fault injection
    r"^_*(?:do_)?trace_|^__traceiter_|perf_trace_|^_*trace_event|^ftrace_(?:graph|caller|call|ops|regs|stub|trace)|trace_(?:hard|soft)irqs",
    r"debug_(?:object|check|print|spin|mutex|locks)|assert_init|_static_object|should_fail|fail_dump|ref_tracker",
    r"^core::|rust_begin_unwind|rust_helper_BUG",
)
ENTRY = (
    # exceptions taken in the kernel: arm64 and ARM (arch/arm*/kernel/entry*, arch/arm*/mm/fault.c); el0_ is a system call's way in
    r"^_*el1h?_|^do_(?:mem_abort|sp_pc_abort|translation_fault|alignment\w*|DataAbort|PrefetchAbort|undefinstr|sect_fault)",
    r"^do_(?:tag_check_fault|tag_recovery|debug_exception|sea|bad(?:_area|_page_fault)?\w*)$|^do_el1_",
    r"die_kernel_fault|__do_kernel_fault",
    r"^(?:bug_)?brk_handler$|^call_(?:el1_)?break_hook$|^call_undef_hook$",
    # PowerPC, MIPS, LoongArch, s390, RISC-V
    r"^program_check_|^data_access_common|^handle_(?:exception|break|reserved|ri|bp|adel|ades|tlb[lms]?|tlb_\w+)(?:_int)?$",
    r"^do_(?:bp|ri|ade[ls]?)$|^_*do_pgm_check$|^pgm_check_handler$|^(?:do_)?no_context$|^do_dat_exception$|^illegal_op$",
)
MEMORY = (
    # kmalloc() and its kin, SLUB, SLAB, SLOB (mm/sl?b.c, mm/slab_common.c, mm/util.c); draining and shrinking are work of their own
    r"k[mzcv]+alloc|kv?realloc|v[mz]alloc|vrealloc|kmem_|slob|slub|mempool_(?:alloc|free|create)",
    r"(?:^|_)slab_(?:alloc|free|post|pre|err|bug|pad|out_of|fix|want|lock|unlock|kmalloc|destroy|get_obj|put_obj)",
    r"(?:^|_)(?:new|allocate|discard|free|check|kmalloc|acquire)_slab|alloc_slab_page",
    r"object_err|_debug_processing|_consistency_checks|^check_(?:object|slab|bytes)|on_freelist|^free_(?:obj_work|object)$",
    r"memdup|strn?dup|kv?asprintf|devm_k|^_+cache_(?:free|alloc)|^_*phys_addr(?:_\w+)?$|^__virt_to_phys",
    # __kfree_rcu_sheaf() allocates
    r"kfree(?!_rcu_sheaf)|kzfree|vfree|vunmap|free_large|free_percpu|free_to_p(?:cp|artial_list)",
    # the page allocator (mm/page_alloc.c, mm/mempolicy.c) and the page cache's getters (mm/filemap.c, mm/swap.c)
    r"free_pages?|^_*free_(?:one_page|frozen|unref_|the_page|pcp|reserved|insn_slot)|^_*page_frag_(?:alloc|free)|^_*page_frag_cache_",
    r"alloc_(?:\w+_)?pages?|page_alloc|alloc_percpu|pcpu_(?:alloc|populate|mem|create|get|depopulate)|^vma_alloc_folio",
    r"get_(?:zeroed_|free_)pages?|^_*(?:try_)?(?:get|put)_pages?(?:$|_)|get_page_from|prep_new_page|post_alloc_hook",
    r"folio_alloc|^_*folio_(?:put|get)(?:$|_refs|_test)|^_*folio_(?:un)?lock(?:_killable)?$|^_*(?:un)?lock_page",
    r"filemap_(?:alloc|get)_folio|find_(?:get|lock)_(?:page|entr)|truncate_inode_pages|pagecache_get_page|grab_cache_page",
)
STRINGS = (
    # lib/string.c, arch/*/lib/mem*.S; ARM's kallsyms knows memset() and memcpy() as mmioset and mmiocpy
    r"mem(?:cmp|cpy|set|move|scan|chr|p?copy|zero)|^mmio(?:set|cpy)$|clear_user|rep_(?:movs|stos)",
    r"^_*str[a-z]{2,9}$|str(?:n|l|s)?(?:cpy|len|cmp|cat)|strchr|strstr",
    # lib/vsprintf.c, lib/seq_buf.c, kernel/printk
    r"v?s[nc]*printf|vprintf|bstr_printf|vprintk|printk|seq_(?:buf_)?printf",
    r"^(?:string|pointer|number|format_decode|string_nocheck|va_format|widen_string|put_dec|special_hex_number|ptr_to_id)$",
    r"^(?:hex|symbol|bitmap|bitmap_list|uuid|mac_address|ip[46]\w*|escaped|error|resource|device_node|fourcc|netdev_bits)_string$",
    r"^_*(?:dev|netdev)_(?:info|warn|err|notice|crit|emerg|alert|dbg)$",
    # user copies (arch/*/lib/*user*, lib/usercopy.c, mm/usercopy.c, lib/iov_iter.c)
    r"copy_(?:from|to|tofrom|in)_(?:user|iter|kernel|sockptr|page|bpf)|^_+copy_(?:from|to)|^copy(?:in|out)(?:_|$)",
    r"raw_copy|^_*copy_user|copy_mc|copy_struct_from_user|instrument_copy",
    r"copy_(?:page|folio)_(?:from|to)|csum_and_copy|usercopy|copy_overflow|^_*check_(?:heap_)?object|iterate_(?:and_advance|iovec)",
    r"^_*(?:get|put)_user(?:_nocheck|_bad|_asm)?(?:_\d)?$|iov_iter_(?:copy|zero|fault)|csum_partial|strn\w+_user",
    # the older checksums; crc32c() is called through the crypto layer and stands for itself
    r"(?:^|_)crc(?:16|32(?!c)|_)|hex_(?:dump|string)|print_hex",
)
LOCKS = (
    r"(?:^|_)(?:spin|read|write|raw|rt|seq|local)_(?:try)?(?:un)?lock|spin_|_raw_(?:read|write)|do_raw_|queued_(?:read|write)",
    r"mutex_(?:un|try)?lock|mutex_(?:spin|optimistic|remove|add|can)|__mutex|ww_mutex|rtlock|rt_mutex|osq_(?:un)?lock",
    r"rwsem|(?:^|_)down_(?:read|write|interruptible|killable|timeout|trylock)|(?:^|_)up_(?:read|write)|downgrade_write|rwbase",
    r"^_*(?:down|up)(?:_common)?$|percpu_(?:down|up)_|^_*(?:srcu_)?lock_(?:acquired?|release|contended|downgrade)\b",
    r"lockdep|lock_class|assign_lock_key|validate_chain|^valid_state$|^(?:add|lookup)_chain_|^add_lock_to_list$|lock_(?:un)?pin_lock|^_*lock_set_(?:sub)?class|^lock_sync$",
    r"^_*check_(?:prevs?_add|deadlock|noncircular|redundant|irq_usage|usage\w*|path|wait_context|flags)$",
    r"^mark_(?:lock|held|usage)|__lock_acquire|reacquire_held|find_held|match_held|pv_(?:queued|wait|kick|hybrid)",
    r"local_(?:bh|irq)|_bh_(?:enable|disable)|hardirqs_o|softirqs_o|irqs?_(?:disabled|restore|save)|irq_enable",
    r"might_(?:sleep|fault|resched|alloc)|__might|preempt_(?:count|schedule|disable|enable)|cant_sleep",
    r"rcu_(?:read_)?(?:un)?lock|rcu_lock|rcu_dereference|seqcount|write_seq|read_seq|seqprop|call_s?rcu|srcu_struct",
)
ATOMICS = (
    r"(?:^|_)atomic(?:64|_long)?_(?:inc|dec|add|sub|read|set|fetch|cmpxchg|xchg|and|or|try)|^_*cmpxchg|_cmpxchg\d*$|^_*xchg",
    r"(?:set|clear|test|change)_bit(?![so]|map)|_bit_(?:un)?lock|^_*find_(?:next|first|last|nth)_\w*bit",
    r"refcount|(?:^|_)kref_|instrument_|__read_once|^arch_(?:atomic|local_|spin_|static_branch|test_bit|set_bit|clear_bit|change_bit|irqs_)",
)
CONTAINERS = (
    r"^_*list_(?:add|del|move|splice|cut|rotate|empty|replace)|(?:^|_)hlist_|^klist|(?:^|_)llist_|^plist_",
    r"^_*rb_(?:insert|erase|next|first|last|prev|add|link|replace)|^__rb_",
    r"^_*xas?_(?!destroy)|xarray_|^_*ida_|^_*idr_(?:alloc|get_free|preload)",
)
WAITING = (
    # kernel/sched/wait.c, completion.c, swait.c; try_to_wake_up() is the scheduler's own work
    r"(?<!to_)wake_up|^wake_q|^_*wait_(?:on_(?!freeing)|event|woken)|out_of_line_wait|^(?:prepare|finish)_(?:to_)?wait|autoremove_wake|^wake_(?:bit|page)_function",
    r"wait_for_(?:completion|common)|^complete(?:_all|_done|_on\w*|_with_flags)?$|completion_done|default_wake_function",
    r"^_*schedule(?:_(?:timeout|preempt|hrtimeout|delayed|idle|work|bug)\w*)?$|kthread_(?:stop|park|unpark|flush)",
    # kernel/time/timer.c, hrtimer.c
    r"^_*(?:try_to_)?del_(?:singleshot_)?timer|^(?:mod|add|init|setup|internal_add)_timer|^__init_timer|^detach_(?:timer|if_pending)",
    r"lock_timer_base|^_*(?:try_to_)?timer_(?:delete|shutdown|reduce|init_key)|^_*hrtimer_(?:start|cancel|try_to|init|setup)",
    # kernel/workqueue.c, kernel/kthread.c
    r"^_*(?:kthread_)?queue_(?:delayed_|rcu_)?work|^_*(?:kthread_)?(?:cancel|mod)_(?:delayed_)?work|mod_delayed",
    r"^_*(?:kthread_|start_)?flush_(?:delayed_|rcu_)?work$|try_to_grab_pending|work_grab_pending|insert_work|insert_wq_barrier",
)
DEVICES = (
    r"kobject_|^(?:add|cleanup)_uevent|get_device_parent|devres_(?:release|remove|destroy)|^kset_",
    r"i2c_(?:add|del)_adapter|hwrng_unregister",
    r"(?:^|_)device_(?:add|del|unregister)|^device_(?:register|release|initialize|create|destroy)",
    r"unregister_netdev|netdev_run_todo|rollback_registered|tty_(?:un)?register",
    r"sysfs_(?:remove|(?:do_)?create|add|delete|warn|unmerge|merge)|remove_files|device_remove|bus_(?:remove|add)_device",
    r"usb_(?:submit|kill|control|unlink|poison|start_wait|hcd_submit|bulk|interrupt|internal_control)_(?:urb|msg|wait)|usb_start_wait",
    r"^iput|^ihold|^dput|drop_nlink",
    r"^(?:in|out|in_|out_)[bwl]$|^io(?:read|write)\d|^(?:read|write)[bwlq]$|logic_(?:in|out)|__raw_(?:read|write)",
    r"__x86_(?:indirect|return)_thunk|retpoline",
)

GENERAL = REPORTING + ENTRY + MEMORY + STRINGS + LOCKS + ATOMICS + CONTAINERS + WAITING + DEVICES
"""Skipped in every report."""


# xfs: assfail, btrfs: btrfs_assertfail, gfs2: gfs2_assert_withdraw_i, bcachefs: bch2_..._panic
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


@lru_cache(maxsize=64)
def _compiled(extra: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(GENERAL + extra))


@lru_cache(maxsize=65536)
def skipped(name: str, extra: tuple[str, ...] = ()) -> bool:
    """Whether a function cannot be the guilty one; ``extra`` are a form's own additions."""
    return _compiled(extra).search(name) is not None or asserts(name)
