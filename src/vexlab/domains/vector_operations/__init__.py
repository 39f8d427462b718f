"""The filesystem as a store of vectors: what is stored is found, exactly, and stays."""
