"""Prometheus's HTTP API over a storage: parameters in, JSON out, no sockets."""
