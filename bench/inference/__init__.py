"""Trained networks, to be used."""
