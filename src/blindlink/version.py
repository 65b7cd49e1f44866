"""The version of the installed package; a module of its own, so that no room imports the root."""

from importlib.metadata import version

__version__ = version("blindlink")
