"""A run while it goes on: its state, the monitor, the server, metrics, alerts."""
