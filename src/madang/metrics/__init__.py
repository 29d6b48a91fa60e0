"""Metrics: series and their samples, and PromQL over them."""
