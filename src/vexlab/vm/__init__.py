"""Virtual machines: pure command lines, lifetime, agent, console, snapshots."""
