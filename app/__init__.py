"""Larder: a recipe API that teams fork."""
