"""From zip archives to batches: `archive`, `images`, `layout`, `cache`, `split`, `batches`."""
