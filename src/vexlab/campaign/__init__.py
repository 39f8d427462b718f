"""A long search for problems: rounds of what draws at random, in the order in which it has paid off."""
