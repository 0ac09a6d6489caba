"""The version of the package; written here once."""

__version__ = "0.1.0"
