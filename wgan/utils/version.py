"""The version, where anything can import it."""

__version__ = "0.1.0"
