"""blindlink links two bodies' records about the same people without either seeing the other's.

``owner`` sees identities, ``linker`` sees encodings, ``analyst`` sees pseudonyms; they never import
each other. Import what you need from the party that you are; this module stays light.
"""

from importlib.metadata import version

__version__ = version("blindlink")
__all__ = ["__version__"]
