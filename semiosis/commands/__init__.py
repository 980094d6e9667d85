"""The commands, a module each: the flags, and `run(args)`, a thin layer over `runs` and `report`."""
