"""What the API has promised, and whether a change breaks it."""
