"""Module source to built artifact."""
