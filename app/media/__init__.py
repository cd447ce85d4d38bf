"""Pictures and videos from strangers: what they are, and how they are made harmless.

`python -m app.media` does that in a process of its own, in which `app.media.workshop` has it done.
"""
