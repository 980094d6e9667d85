"""The games: one paper, one file."""
