"""blindlink links two bodies' records about the same people without either seeing the other's.

    import blindlink as bl

    key = bl.LinkageKey.generate()                       # the owners share it, nobody else
    schema = bl.Schema.for_columns("names", left, right)
    a = bl.encode(left, schema, key)                     # each owner alone
    b = bl.encode(right, schema, key)
    links = bl.link(a, b)                                # needs neither tables nor key
    links.to_frame(), links.report

Everything here is public and keeps its meaning within a major version; the modules below are not.
A name is imported when it is first used, so ``import blindlink`` costs nothing. A name whose
libraries are not installed raises MissingExtraError, which names the extra.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blindlink import errors as errors
    from blindlink.analyst.estimate.rates import ErrorRates as ErrorRates
    from blindlink.api import study as study
    from blindlink.api.encoding import Encodings as Encodings
    from blindlink.api.encoding import encode as encode
    from blindlink.api.estimating import Estimates as Estimates
    from blindlink.api.estimating import LinkedData as LinkedData
    from blindlink.api.estimating import cox as cox
    from blindlink.api.estimating import crosstab as crosstab
    from blindlink.api.estimating import glm as glm
    from blindlink.api.estimating import share as share
    from blindlink.api.example import example_study as example_study
    from blindlink.api.example import example_tables as example_tables
    from blindlink.api.linking import Links as Links
    from blindlink.api.linking import Plan as Plan
    from blindlink.api.linking import Report as Report
    from blindlink.api.linking import link as link
    from blindlink.api.pairs import Pairs as Pairs
    from blindlink.api.pairs import join as join
    from blindlink.api.quality import Evaluation as Evaluation
    from blindlink.api.quality import Risk as Risk
    from blindlink.api.quality import assess as assess
    from blindlink.api.quality import evaluate as evaluate
    from blindlink.api.schema import Schema as Schema
    from blindlink.keys.linkage import LinkageKey as LinkageKey
    from blindlink.version import __version__ as __version__

# Each name and the module that has it; a module that is public itself has its own name there.
_HOMES = {
    "Encodings": "api.encoding",
    "ErrorRates": "analyst.estimate.rates",
    "Estimates": "api.estimating",
    "Evaluation": "api.quality",
    "LinkageKey": "keys.linkage",
    "LinkedData": "api.estimating",
    "Links": "api.linking",
    "Pairs": "api.pairs",
    "Plan": "api.linking",
    "Report": "api.linking",
    "Risk": "api.quality",
    "Schema": "api.schema",
    "__version__": "version",
    "assess": "api.quality",
    "cox": "api.estimating",
    "crosstab": "api.estimating",
    "encode": "api.encoding",
    "errors": "errors",
    "evaluate": "api.quality",
    "example_study": "api.example",
    "example_tables": "api.example",
    "glm": "api.estimating",
    "join": "api.pairs",
    "link": "api.linking",
    "share": "api.estimating",
    "study": "api.study",
}

__all__ = [
    "Encodings",
    "ErrorRates",
    "Estimates",
    "Evaluation",
    "LinkageKey",
    "LinkedData",
    "Links",
    "Pairs",
    "Plan",
    "Report",
    "Risk",
    "Schema",
    "__version__",
    "assess",
    "cox",
    "crosstab",
    "encode",
    "errors",
    "evaluate",
    "example_study",
    "example_tables",
    "glm",
    "join",
    "link",
    "share",
    "study",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'blindlink' has no attribute {name!r}")
    module = import_module(f"blindlink.{home}")
    value = module if home.rpartition(".")[2] == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
