"""Calls, sequences and images that nobody would make, and what the kernel does with them."""
