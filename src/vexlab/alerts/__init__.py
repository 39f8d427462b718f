"""Alerts of a run to a webhook, for people who run no Prometheus."""
