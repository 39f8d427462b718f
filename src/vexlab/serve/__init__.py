"""The store and the runs that go on, as pages of a browser. Nothing here writes anything."""
