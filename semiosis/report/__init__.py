"""What a run looks like: tables and figures."""
