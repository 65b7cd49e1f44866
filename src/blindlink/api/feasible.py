"""Feasible before final: what an agreement asks of linker and analyst can be done by them, and its
keys are nobody else's.

The parties' own code says so; here, above them, it is asked before a draft becomes an agreement and
before somebody signs. The keys of the demo are asked for wherever data could go in.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from blindlink.errors import RefusedError

if TYPE_CHECKING:
    from blindlink.messages.agreement.document import Agreement, SignedAgreement


def check_everywhere(terms: "Agreement") -> None:
    """What linker and analyst will have to do under the agreement; raises what they would raise."""
    from blindlink.analyst.disclosure.policy import parse_policy
    from blindlink.linker.protocol.ready import check_engine

    refuse_demo(terms)
    check_engine(terms)
    parse_policy(terms.disclosure_policy)


def check_own_side(terms: "Agreement", role: str) -> None:
    """The same of whoever signs; the linker also needs the engine's library."""
    from blindlink.linker.protocol.ready import check_ready

    check_everywhere(terms)
    if role == "linker":
        check_ready(terms)


def refuse_demo(terms: "Agreement") -> None:
    """Raises RefusedError for an agreement with keys of the demo: everybody can make them."""
    from blindlink.synthetic.demo.marks import DEMO_MARK

    for party in terms.parties:
        if DEMO_MARK in party.organisation:
            raise RefusedError(
                f"the keys of {party.name} are of the demo: everybody can make them",
                hint="make your own with 'blindlink keygen'",
            )
    refuse_demo_key(terms.key_check)


def check_usable(signed: "SignedAgreement", keys: Path, *, demo: bool = False) -> None:
    """Raises RefusedError for an agreement that has ended for these keys, or one with keys of the
    demo where not ``demo``."""
    from blindlink.messages.agreement.notice import refuse_ended

    if not demo:
        refuse_demo(signed.agreement)
    refuse_ended(keys, signed.digest())


def refuse_demo_key(check_value: str) -> None:
    """Raises RefusedError for the linkage secret of a demo."""
    from blindlink.synthetic.demo.marks import demo_checks

    if check_value in demo_checks():
        raise RefusedError(
            "the linkage secret is of the demo: everybody can make it",
            hint="make your own with 'blindlink keygen --purpose linkage'",
        )
