"""The filesystem as a filesystem: what POSIX and Linux promise of it, on devices of every shape."""
