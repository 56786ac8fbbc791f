"""A study as one page that needs no network: what was compared, what came out, how sure that is."""
