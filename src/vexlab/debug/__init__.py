"""A guest's memory after the guest: what drgn finds in a dump, with the kernel's own types and symbols."""
