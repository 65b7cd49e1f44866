"""A party at work under an agreement: what every step that signs, seals or opens needs.

acting = Acting(agreement, keys, now)
terms = acting.check("owner")                  in force, and these keys are an owner's in it
with acting.create(path, KIND) as writer:      a container of this party, under this agreement
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from blindlink.keys import Entropy, PartyKeys, Role, system_entropy
from blindlink.messages.agreement.document import Agreement, SignedAgreement
from blindlink.messages.container.writer import Writer, create, new_bundle
from blindlink.messages.fields import moment
from blindlink.progress import Progress, silent


@dataclass(frozen=True)
class Acting:
    """Under which agreement, with which keys, at what time.

    ``entropy`` gives random bytes, ``progress`` is told of long work.
    """

    agreement: SignedAgreement
    keys: PartyKeys
    now: datetime
    entropy: Entropy = system_entropy
    progress: Progress = silent

    @property
    def terms(self) -> Agreement:
        """What was agreed."""
        return self.agreement.agreement

    def telling(self, progress: Progress) -> "Acting":
        """The same, with somebody who is told of long work."""
        return replace(self, progress=progress)

    def check(self, role: Role) -> Agreement:
        """The terms, if they are in force and the keys are those of a party with that role in them.

        Raises AgreementError or VerificationError.
        """
        self.agreement.verify(self.now, "agreement")
        self.terms.member(self.keys.public, role)
        return self.terms

    def create(
        self, path: Path, kind: str, *, bundle: str | None = None, force: bool = False
    ) -> AbstractContextManager[Writer]:
        """A container of this party that ends with the agreement; see ``writer.create``."""
        return create(
            path,
            kind,
            sender=self.keys,
            agreement=self.agreement.digest(),
            bundle=bundle or new_bundle(self.entropy),
            now=self.now,
            expires=moment(self.terms.expires),
            force=force,
            entropy=self.entropy,
        )
