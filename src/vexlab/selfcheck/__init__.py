"""The lab put to the test: defects built into a target one at a time, and what the domains make of them."""
