"""What do these numbers say? Arrays in, intervals out; no record and no torch."""
