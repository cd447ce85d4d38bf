"""What happens to every request. Pure ASGI, each one noun; `app.main` lists them from the outside in.

Every request pays for all of them. So a `send` that only looks at a message is no coroutine of its own but hands on the
one behind it, and what is added to an answer is added as the bytes that it is sent as.
"""
