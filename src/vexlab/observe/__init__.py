"""Evidence without judgement."""
