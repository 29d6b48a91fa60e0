"""Cases that others wrote; see README.md."""
