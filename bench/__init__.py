"""How fast it is, and how that changes as it grows. See README.md."""
