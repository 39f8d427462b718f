"""Environments of test machines: OpenTofu makes them, an inventory hands them to Ansible (``infrastructure/``)."""
