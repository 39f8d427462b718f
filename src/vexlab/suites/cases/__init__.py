"""Cases that run the suites."""
