"""How fast the filesystem is and how much it costs, always beside a reference filesystem in the same guest."""
