"""Make, convert and examine archives."""
