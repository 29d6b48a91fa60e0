"""Sources → batches: HTTP bodies, followed files, the host."""
