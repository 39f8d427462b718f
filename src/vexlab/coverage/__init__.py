"""What a run reached of a module's source, and what inputs it tried."""
