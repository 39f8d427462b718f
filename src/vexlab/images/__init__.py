"""Guests' root filesystems from recipes."""
