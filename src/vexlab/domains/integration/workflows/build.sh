# SPDX-License-Identifier: Apache-2.0
# A source tree is unpacked and built on the filesystem; make decides by times what is to be done again.
PROGRAMS="fstree"

compile() {
    # shellcheck disable=SC2086  # a word for each program
    make -C "$MNT/source" CC='tcc -Dstrdupa=strdup' LDFLAGS= WATCHED= O=build "$@" $(printf 'build/bin/%s ' $PROGRAMS)
}

# How many commands make would run: a line for each compilation and each link
steps() {
    compile -n "$@" | grep -c '^tcc ' || true
}

later() { # a time on disk that is later than all before, whatever its granularity
    sleep "$(tick)"
    touch "$1"
}

made() {
    mkdir source
    local how=()
    can chmod chown || how=(--no-same-owner --no-same-permissions)
    tar -C source "${how[@]}" -xf /tmp/source.tar
    find source -type f -exec touch {} + # the guest's clock may be behind the times in the archive
    is "the unpacked sources" "$(cd source && sha256sum -c --quiet /tmp/source.sums 2>&1)" ""
    compile -s -j2 >&2
    metric objects_count "$(find source/build -name '*.o' | wc -l)"
    metric compile_s "$SECONDS"
    works
}

works() {
    # The program that was just built, run from the filesystem, says the same as the one that came with the machine.
    rm -rf tree
    mkdir tree
    source/build/bin/fstree fill 4 60 tree >/tmp/by-new
    fstree manifest tree >/tmp/by-old
    agrees /tmp/by-new tree
    is "a manifest's number of lines" "$(wc -l </tmp/by-new)" "$(wc -l </tmp/by-old)"
    rm -r tree
}

nothing() {
    is "what is to be done after a build" "$(steps)" 0
}

one() {
    later source/fstree/tag.c
    is "the number of commands after one file changed" "$(steps)" 2 # compile it, link its program
    compile -s >&2
    nothing
    later source/lib/hash.c
    is "the number of commands after a shared file changed" "$(steps)" "$((1 + $(wc -w <<<"$PROGRAMS")))"
    compile -s >&2
    nothing
    later source/lib/hash.h
    # what stands around the calls of WATCHED programs is not built
    is "the number of commands after a header changed" "$(steps)" \
        "$(($(find source/{lib,fstree} -name '*.c' ! -name 'wrap*.c' ! -name inputs.c | wc -l) + $(wc -w <<<"$PROGRAMS")))"
    compile -s >&2
    nothing
}

"$STEP"
