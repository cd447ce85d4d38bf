"""What nobody has to take."""


class Refused(Exception):
    """The file is not what is taken here; its message says why, to who sent it."""
