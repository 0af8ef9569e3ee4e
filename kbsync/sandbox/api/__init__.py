"""The Solutions API, version 2, as its reference and its recorded answers tell it."""
