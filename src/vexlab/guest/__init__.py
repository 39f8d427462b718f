"""Verbs inside the guest."""
