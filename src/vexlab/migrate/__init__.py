"""Moving over from the old scripts: what each of their commands is now, workflows rewritten, old results compared."""
