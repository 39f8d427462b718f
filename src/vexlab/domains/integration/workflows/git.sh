# SPDX-License-Identifier: Apache-2.0
# A repository lives on the filesystem: commits, branches, clones, garbage collection, a second worktree.
export GIT_CONFIG_GLOBAL=/tmp/gitconfig GIT_CONFIG_NOSYSTEM=1
cat >"$GIT_CONFIG_GLOBAL" <<'END'
[user]
    name = vexlab
    email = vexlab@localhost
[init]
    defaultBranch = main
[gc]
    auto = 0
[core]
    fsyncMethod = fsync
[advice]
    detachedHead = false
END
COMMITS=10

# files FOLDER: every file's SHA-256 and where the symlinks lead, without git's own
files() {
    cd "$1"
    find . -path ./.git -prune -o -type f ! -name .git -print0 | sort -z | xargs -0 sha256sum
    find . -path ./.git -prune -o -type l -print | sort | while read -r link; do echo "$link $(readlink "$link")"; done
}

# change N: new files, longer ones, a mode, a symlink, a move, a deletion; what they hold depends on N only
change() {
    local n
    mkdir -p "part$(($1 % 3))"
    for n in 1 2 3 4 5 6; do
        seq "$1" "$n" "$(($1 * 90))" >"part$(($1 % 3))/file-$1-$n"
    done
    echo "line $1" >>journal
    [ "$1" = 1 ] || sed -i "3s/.*/changed in $1/" part1/file-1-1
    ln -sf "part1/file-1-$(($1 % 6 + 1))" current
    head -c 70000 /dev/urandom >"blob-$(($1 % 4))"
    chmod "$(($1 % 2 ? 755 : 644))" journal
    mv "part$(($1 % 3))/file-$1-6" "moved-$(($1 % 4))"
    rm -f part?/file-$(($1 - 2))-2
    git add -A
    git commit -q -m "commit $1"
}

commits() {
    local n
    git init -q work
    cd work
    for n in $(seq "$COMMITS"); do
        [ "$n" != 5 ] || git checkout -q -b side
        [ "$n" != 8 ] || git checkout -q main
        change "$n"
        git tag "v$n"
    done
    git merge -q -s ours -m merged side
    is "the number of commits" "$(git rev-list --count HEAD)" "$((COMMITS + 1))"
    is "what git status says" "$(git status --porcelain)" ""
    for n in $(seq "$COMMITS"); do
        echo "v$n $(git ls-tree -r --full-tree "v$n" | sha256sum)"
    done >/tmp/trees
    metric commits_count "$COMMITS"
    whole
}

whole() { # every object is there and has the bytes that its name is the checksum of
    is "what git fsck says" "$(git -C "$MNT/work" fsck --full --strict --no-dangling 2>&1)" ""
    for n in $(seq "$COMMITS"); do
        echo "v$n $(git -C "$MNT/work" ls-tree -r --full-tree "v$n" | sha256sum)"
    done >/tmp/trees.now
    same /tmp/trees /tmp/trees.now
}

# The files of every version, checked out one after another, are those that git made its checksums of.
checkouts() {
    cd "$MNT/work"
    for version in v3 side v9 v1 main; do
        git checkout -q "$version"
        fresh
        is "what git diff says of $version" "$(git diff --stat HEAD)" ""
        is "what git status says of $version" "$(git status --porcelain)" ""
        git archive "$version" | (rm -rf /tmp/export && mkdir /tmp/export && tar -C /tmp/export -xf -)
        is "the files of $version" "$(files .)" "$(files /tmp/export)"
    done
}

clones() {
    cd "$MNT"
    git clone -q --no-local work copy
    git clone -q --local work linked
    git clone -q --bare work bare.git
    local object
    object=$(cd work/.git/objects && find . -type f | grep -v -e pack -e info | sed -n 1p)
    is "the links of an object that two local clones share" "$(stat -c %h "work/.git/objects/$object")" 3
    for clone in copy linked bare.git; do
        is "the head of $clone" "$(git -C "$clone" rev-parse HEAD)" "$(git -C work rev-parse HEAD)"
        is "what git fsck says of $clone" "$(git -C "$clone" fsck --full --no-dangling 2>&1)" ""
    done
    is "the clone's files" "$(files copy)" "$(files work)"
    git -C copy commit -q --allow-empty -m "in the clone"
    git -C copy push -q origin HEAD:refs/heads/pushed
    is "the pushed branch" "$(git -C work rev-parse pushed)" "$(git -C copy rev-parse HEAD)"
    git -C work branch -q -D pushed
}

packed() {
    cd "$MNT/work"
    git repack -q -a -d
    git gc -q --prune=now
    is "the number of loose objects" "$(git count-objects | cut -d' ' -f1)" 0
    git pack-refs --all
    git verify-pack .git/objects/pack/*.idx
    whole
    git worktree add -q ../other v6 2>/dev/null
    is "what git status says of the worktree" "$(git -C ../other status --porcelain)" ""
    git archive v6 | (rm -rf /tmp/export && mkdir /tmp/export && tar -C /tmp/export -xf -)
    is "the worktree's files" "$(files ../other)" "$(files /tmp/export)"
    git worktree remove ../other
    is "what is left of the worktree" "$(ls -d ../other 2>/dev/null || true)" ""
}

kept() { # after unmount and mount: the index agrees with every file's size and times without reading any
    cd "$MNT/work"
    whole
    is "the files whose size or times are not as the index has them" "$(git diff-files --name-only)" ""
    is "what git status says" "$(git status --porcelain)" ""
}

"$STEP"
