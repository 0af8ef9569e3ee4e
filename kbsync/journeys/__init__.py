"""The journeys of a knowledge base, each told top to bottom in a room of its own.

They put the rooms together; what is shown and asked is the audience's business, and the audience is `cli`. Nothing is
imported here, so that a journey loads no more than it walks through.
"""
