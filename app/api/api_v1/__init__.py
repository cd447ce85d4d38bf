"""Version 1 of the API. It does not break."""
