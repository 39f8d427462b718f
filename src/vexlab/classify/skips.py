"""Functions that are never the guilty one: tables by kind of work, matched anywhere in a name unless anchored.

The kernel's reporting machinery, allocators, locks and copies are where a bug shows, not where it is made. The
names are those of the kernel's own sources from 2.6 to 6.x.
"""

from __future__ import annotations

import re
from functools import lru_cache

REPORTING = (
    # sanitizers and their entry points (mm/kasan, mm/kmsan, kernel/kcsan, mm/kfence, lib/ubsan.c, kernel/kcov.c)
    r"[ck]a?san|kmsan|ubsan|UBSAN|^handle_overflow$|asan_|msan_|tsan_|sanitizer|kfence|check_memory_region|check_region_inline|kmemleak|^create_object$",
    # stack walking and printing
    r"dump_(?:stack|page|header|backtrace)|__dump_|walk_stack|stack_walk|unwind_backtrace|walk_stackframe",
    r"show_(?:stack|regs|trace|backtrace)|(?:save|stack)_trace|stack_?depot|save_stack|backtrace",
    r"print_(?:address|circular|usage|bad|lock|irq|deadlock|modules|stack|report|unlock|freed|vma|tainted)",
    # panic, WARN, BUG (kernel/panic.c, lib/bug.c)
    r"panic|fortify_|warn_slowpath|__warn|warn_(?:on|bogus|alloc)|report_bug|handle_bug|fixup_bug|bug_handler",
    # exception entries (arch/x86/kernel/traps.c, arch/x86/mm/fault.c)
    r"do_(?:error_)?trap|do_(?:general_protection|invalid_op|divide_error|int3|page_fault|stack_segment|double_fault)",
    r"^(?:asm_)?exc_|^(?:general_protection|invalid_op|divide_error|page_fault|double_fault|int3|error_code)$",
    r"^(?:error|paranoid)_(?:entry|exit)|^no_context$|bad_area|__die|^die$|oops_|kernelmode_fixup|^(?:asm_)?sysvec_",
    # tracing, debug objects, fault injection
    r"^_*(?:do_)?trace_|perf_trace_|trace_event|^_*ftrace|trace_(?:hard|soft)irqs",
    r"debug_(?:object|check|print|spin|mutex|locks)|assert_init|_static_object|should_fail|fail_dump|ref_tracker",
    r"^core::|rust_begin_unwind|rust_helper_BUG",
)
ENTRY = (
    # arm64 and ARM fault entry, PowerPC and MIPS exception paths
    r"^(?:el[01]h?_|_*el[01]_)|do_(?:mem|sp_pc|translation|alignment|DataAbort|PrefetchAbort|undefinstr)",
    r"^do_(?:tag|debug|sea|bad)|die_kernel_fault|__do_kernel_fault|^__und_|^__dabt_|^__pabt_",
    r"brk_handler|call_break_hook|call_undef_hook|program_check_exception|^handle_(?:exception|break|ri|adel|tlb)",
    r"^do_(?:bp|ri|ade[ls]?)$",
)
MEMORY = (
    r"k[mzcv]+alloc|krealloc|vmalloc|vzalloc|kmem_|(?<!shrink_)slab|slob|slub|mempool_(?:alloc|free|create)",
    r"object_err|_debug_processing|_consistency_checks|^check_(?:object|slab|bytes)|on_freelist",
    r"memdup|strdup|kv?asprintf|devm_k|free_obj|^_+cache_(?:free|alloc)|phys_addr$",
    r"kfree|vfree|vunmap|kvfree|free_large|free_pages?|__free_|free_percpu|free_to_pcp",
    r"alloc_(?:\w+_)?pages?|page_alloc|alloc_percpu|pcpu_(?:alloc|populate|mem|create|get|depopulate)",
    r"get_(?:zeroed_|free_)pages?|^_*(?:try_)?(?:get|put)_pages?(?:$|_)|get_page_from|prep_new_page|post_alloc_hook",
    r"folio_(?:alloc|put|get|batch|lock|unlock)|^_*(?:un)?lock_page|filemap_(?:alloc|get)_folio",
    r"find_(?:get|lock)_(?:page|entr)|truncate_inode_pages|pagecache_get_page|grab_cache_page",
)
STRINGS = (
    r"mem(?:cmp|cpy|set|move|scan|chr|p?copy|zero)|^_*bcmp|clear_user|rep_(?:movs|stos)",
    r"^_*str[a-z]{2,9}$|str(?:n|l|s)?(?:cpy|len|cmp|cat)|strchr|strstr",
    r"v?s[nc]*printf|vprintk|printk|^(?:string|pointer|number|format_decode|string_nocheck|va_format)$|seq_printf",
    r"^_*(?:dev|netdev)_(?:info|warn|err|notice|crit|emerg|alert|dbg)$",
    r"copy_(?:from|to)_(?:user|iter|kernel|sockptr|page|bpf)|copyin|copyout|_copy_(?:from|to)|raw_copy|copy_user|copy_mc",
    r"copy_(?:page|folio)_(?:from|to)|csum_and_copy|usercopy|copy_overflow|check_(?:heap_)?object|iterate_(?:and_advance|iovec)",
    r"^_*(?:get|put)_user(?:_|$)|iov_iter_(?:copy|zero|fault)|_iter_full|csum_partial|strn\w+_user",
    r"crc(?:16|32|c)|_crc_|crc_|hex_(?:dump|string)|print_hex",
)
LOCKS = (
    r"(?:spin|read|write|raw|rt|seq|local)_(?:try)?(?:un)?lock|spin_|_raw_(?:read|write)|do_raw_|queued_(?:read|write)",
    r"mutex_(?:un|try)?lock|mutex_(?:spin|optimistic|remove|add|can)|__mutex|ww_mutex|rtlock|rt_mutex|osq_(?:un)?lock",
    r"rwsem|(?:^|_)down_(?:read|write|interruptible|killable|timeout|trylock)|(?:^|_)up_(?:read|write)|rwbase",
    r"^_*(?:down|up)(?:_common)?$|percpu_(?:down|up)_|lock_(?:acquire|release$|acquired|contended|downgrade)|^lock_release",
    r"lockdep|lock_class|validate_chain|^_*check_(?:prev|deadlock|noncircular|irq_usage|usage|path|wait_context|flags)",
    r"mark_(?:lock|held|usage)|__lock_acquire|reacquire_held|find_held|match_held|pv_(?:queued|wait|kick|hybrid)",
    r"local_(?:bh|irq)|_bh_(?:enable|disable)|hardirqs_o|softirqs_o|irqs?_(?:disabled|restore|save)|irq_enable",
    r"might_(?:sleep|fault|resched|alloc)|__might|preempt_(?:count|schedule|disable|enable)|cant_sleep",
    r"rcu_(?:read_)?(?:un)?lock|rcu_lock|rcu_dereference|seqcount|write_seq|read_seq|seqprop|call_rcu|srcu_struct",
)
ATOMICS = (
    r"(?:^|_)atomic(?:64|_long)?_(?:inc|dec|add|sub|read|set|fetch|cmpxchg|xchg|and|or|try)|cmpxchg|__xchg|xchg_",
    r"(?:set|clear|test|change)_bit|test_and_|_bit_(?:un)?lock|^_*find_(?:next|first|last)_\w*bit",
    r"refcount|kref_|instrument_|read_once|^arch_(?:atomic|local|spin|static|test|set|clear|change|irqs)",
)
CONTAINERS = (
    r"^_*list_(?:add|del|move|splice|cut|rotate|empty|replace)|hlist_|^klist|llist_|plist_",
    r"^_*rb_(?:insert|erase|next|first|last|prev|add|link|replace)|__rb_|rbtree",
    r"^_*xas?_|xarray_|radix_tree_|^_*id[ar]_",
)
WAITING = (
    r"wake_up|wake_?q|^_*wait_(?:for|on|event|woken)|out_of_line_wait|^(?:prepare|finish)_(?:to_)?wait|autoremove_wake",
    r"wait_for_(?:completion|common)|^complete(?:_all|_done|_on\w*)?$|completion_done|try_to_wake|default_wake|pollwake",
    r"^_*schedule(?:_(?:timeout|preempt|hrtimeout|delayed|idle|work|bug)\w*)?$|kthread_(?:stop|park|unpark|flush)",
    r"^(?:try_to_)?del_(?:singleshot_)?timer|^_*(?:mod|add|init|setup|internal_add)_timer|^detach_(?:timer|if_pending)",
    r"lock_timer_base|^timer_(?:delete|shutdown|reduce)|^hrtimer_(?:start|cancel|try_to|init|setup)",
    r"queue_(?:delayed_)?work|cancel_(?:delayed_)?work|_cancel_work|flush_(?:delayed_)?work$|try_to_grab|mod_delayed",
    r"insert_work|delayed_work_timer",
)
DEVICES = (
    r"kobject_|kobj_|uevent|get_device_parent|devres_|(?:i2c_(?:add|del)_adapter|hwrng_(?:un)?register)|^kset_",
    r"(?:^|_)device_(?:add|del|unregister|register|release|initialize|create|destroy|shutdown)",
    r"unregister_netdev|netdev_run_todo|rollback_registered|tty_(?:un)?register",
    r"^sysfs_|sysfs_(?:remove|create|add|delete|warn|unmerge)|remove_files|device_remove|bus_(?:remove|add)_device",
    r"usb_(?:submit|kill|control|unlink|poison|start_wait|hcd_submit|bulk|interrupt)_(?:urb|msg|wait)|usb_start_wait",
    r"^iput|^ihold|^dput|drop_nlink",
    r"^(?:in|out|in_|out_)[bwl]$|^io(?:read|write)\d|^(?:read|write)[bwlq]$|logic_(?:in|out)|__raw_(?:read|write)",
    r"__x86_(?:indirect|return)_thunk|retpoline",
)

GENERAL = REPORTING + ENTRY + MEMORY + STRINGS + LOCKS + ATOMICS + CONTAINERS + WAITING + DEVICES
"""Skipped in every report."""


@lru_cache(maxsize=64)
def _compiled(extra: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(GENERAL + extra))


@lru_cache(maxsize=65536)
def skipped(name: str, extra: tuple[str, ...] = ()) -> bool:
    """Whether a function cannot be the guilty one; ``extra`` are a form's own additions."""
    return _compiled(extra).search(name) is not None
