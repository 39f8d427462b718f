"""Where bootable kernels come from."""
