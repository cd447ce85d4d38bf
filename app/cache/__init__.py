"""Answers that are kept for a while: in the memory of each worker and, where there is a Redis, for all of them."""
