"""From records to tables: `leaderboard` compares, `markdown` and `terminal` render."""
