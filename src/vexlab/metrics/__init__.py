"""Results and runs as metrics for Prometheus."""
