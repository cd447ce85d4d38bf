"""Rows to and from files, the same for HTTP and for the command line."""
