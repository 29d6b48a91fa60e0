"""The head: the newest hours of samples, in memory and in mapped files."""
