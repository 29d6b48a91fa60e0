"""Contract suites and fakes for people who write connectors."""
