"""The tables ``metrics.samples`` and ``metrics.series``: written from a head, and read back."""
