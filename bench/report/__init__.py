"""From a loaded study to text and tables: what does it say? Needs no torch and no user's code."""
