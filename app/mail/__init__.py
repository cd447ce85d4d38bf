"""Mails: what they say (`letters`), how they look (`message`, `templates/`), how they get away (`transport`)."""
