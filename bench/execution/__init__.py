"""One cell, a whole grid, and where its processes run: the only room that computes and writes."""
