"""Pages of metrics, fetched from targets at intervals, as Prometheus does.

Targets are found (``targets``), their labels relabelled, their pages fetched (``fetch``) and turned
into batches of samples (``series``).
"""
