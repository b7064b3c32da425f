"""The version of this program, of which nothing else need be imported."""

__version__ = "0.1.0"
