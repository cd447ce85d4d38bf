"""What happens to every request. Pure ASGI, each one noun; `app.main` lists them from the outside in."""
