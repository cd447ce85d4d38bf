"""Uvicorn's protocols, with bounds."""
