"""A finding in a folder of its own: kernel, module, image and script, which needs nothing of vexlab."""
