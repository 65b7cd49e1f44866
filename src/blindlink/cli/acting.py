"""``--agreement``, ``--keys`` and ``--passphrase-file``: who acts, and under which agreement."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blindlink.cli.common import agreement_option, keys_option
from blindlink.cli.passphrase import party_keys, passphrase_option

if TYPE_CHECKING:
    from blindlink.messages.acting import Acting


@dataclass(frozen=True)
class Caller:
    """The files of the party whose command this is."""

    agreement: Path
    keys: Path
    passphrase: Path | None

    def acting(self, *, demo: bool = False) -> "Acting":
        """Under an agreement that is in force and has not ended for these keys.

        Raises AgreementError, KeyFileError, or RefusedError, for keys of the demo too where not
        ``demo``: no data may go in under them.
        """
        from blindlink.api.feasible import check_usable
        from blindlink.messages.acting import Acting
        from blindlink.messages.agreement.document import load_agreement

        now = datetime.now(UTC)
        signed = load_agreement(self.agreement, now=now)
        check_usable(signed, self.keys, demo=demo)
        return Acting(signed, party_keys(self.keys, self.passphrase), now)

    def afterwards(self) -> "Acting":
        """Under an agreement that may have ended. Raises AgreementError, KeyFileError."""
        from blindlink.messages.acting import Acting
        from blindlink.messages.agreement.document import read_agreement

        signed = read_agreement(self.agreement)
        return Acting(signed, party_keys(self.keys, self.passphrase), datetime.now(UTC))


def caller_options(command: Callable[..., None]) -> Callable[..., None]:
    """The three options, which the command gets as one ``caller``."""

    @wraps(command)
    def called(
        agreement_file: Path, keys: Path, passphrase_file: Path | None, **others: Any
    ) -> None:
        command(caller=Caller(agreement_file, keys, passphrase_file), **others)

    return agreement_option(keys_option(passphrase_option(called)))
