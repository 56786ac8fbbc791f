"""The tests, and the programs that time and check."""
