"""Whole workflows on the mounted target, each with a result that is proved by someone else than the filesystem."""
