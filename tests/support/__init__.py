"""What the demo, the system tests, the crash tests and the benchmark share."""
