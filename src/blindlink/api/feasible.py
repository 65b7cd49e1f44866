"""Feasible before final: what an agreement asks of linker and analyst can be done by them.

The parties' own code says so; here, above them, it is asked before a draft becomes an agreement and
before somebody signs.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blindlink.messages.agreement.document import Agreement


def check_everywhere(terms: "Agreement") -> None:
    """What linker and analyst will have to do under the agreement; raises what they would raise."""
    from blindlink.analyst.disclosure.policy import parse_policy
    from blindlink.linker.protocol.ready import check_engine

    check_engine(terms)
    parse_policy(terms.disclosure_policy)


def check_own_side(terms: "Agreement", role: str) -> None:
    """The same of whoever signs; the linker also needs the engine's library."""
    from blindlink.linker.protocol.ready import check_ready

    check_everywhere(terms)
    if role == "linker":
        check_ready(terms)
