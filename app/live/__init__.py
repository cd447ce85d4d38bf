"""What happens to the comments of a recipe, told at once to those who watch: one source for streams and sockets.

An event is a row that is written with the data, numbered for its recipe. A notice says no more than that there is one;
whoever has watchers reads it. So a notice that is lost costs time and never an event.
"""
