"""Define the version of mmct, which ``setup.py`` reads as well."""

__version__ = '0.1.0'
