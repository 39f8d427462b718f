"""A plugin of Avocado's that resolves ``vexlab:…`` to vexlab's cases and runs each as a test.

It speaks with vexlab through its command line alone, so that the two need not share an environment.
"""
