"""Thin commands: each builds a request, calls the library, prints."""
