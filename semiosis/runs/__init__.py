"""Running a game: the one loop, the run directory, and what one does with a run."""
