"""Whether an agreed plan can be carried out, and on this installation: asked before it is final."""

from blindlink.errors import AgreementError
from blindlink.linker.join import engines
from blindlink.messages.agreement.document import Agreement
from blindlink.messages.plan import AUTO


def check_engine(terms: Agreement) -> None:
    """Raises AgreementError for a plan that names an engine that nobody has."""
    if terms.plan.engine not in (AUTO, *engines.names()):
        raise AgreementError(
            "agreement: plan: names no engine", hint=f"choose one of {', '.join(engines.names())}"
        )


def check_ready(terms: Agreement) -> None:
    """As ``check_engine``, and MissingExtraError for a library that is not installed.

    The linker asks before it signs, takes in a file, and freezes the inputs.
    """
    check_engine(terms)
    if terms.plan.engine != AUTO:
        engines.load(terms.plan.engine)
