"""What the documents of the old infrastructure call the library: machines, results, stress. Thin, over vexlab's own."""
