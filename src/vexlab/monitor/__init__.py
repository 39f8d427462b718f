"""A run on the screen of a terminal that did not start it."""
