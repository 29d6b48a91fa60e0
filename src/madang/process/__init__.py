"""Between stream and lake: raw bytes → columns, contracts, dead letters."""
