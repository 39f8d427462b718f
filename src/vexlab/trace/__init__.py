"""Dynamic tracing: probes on the module's functions in a running guest, without building it anew."""
