"""From zip archives to batches: `archive`, `layout`, `decode`, `cache`, `split`, `batches`."""
