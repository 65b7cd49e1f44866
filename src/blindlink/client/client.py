"""What a party does with a service: upload, status, receipt, download; and what its operator does.

    client = Client(Connection(url, Signer.of_party(keys)), agreement)
    upload = client.upload(path)            verified by the service as far as ``settle`` waits
    client.receipt(upload["id"], out)       checked with the linker's key before it is kept
    client.download(out)                    the analyst's release

Only containers that this party signed under this agreement are sent.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from blindlink.client.connection import Connection
from blindlink.client.transfer import Source, fetch, send
from blindlink.errors import (
    AgreementError,
    FormatError,
    OutputError,
    ServiceError,
    VerificationError,
)
from blindlink.files import check_output, replacing, write_bytes
from blindlink.messages import canonical
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.approval import Act, Approval, statement
from blindlink.messages.audit import erasure, withdrawal_receipt
from blindlink.messages.audit.erasure import Attestation
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.audit.proofs import Consistency
from blindlink.messages.audit.receipt import load_receipt
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.fields import parse
from blindlink.messages.http import AGREEMENT_TYPE
from blindlink.messages.signed import Signed, line
from blindlink.messages.submission import content as submission
from blindlink.messages.submission import withdrawal
from blindlink.progress import Progress, silent

KINDS = (submission.KIND, withdrawal.WITHDRAWAL)
POLL = 0.2
SETTLED = ("accepted", "refused", "replaced", "cancelled", "failed")
ENDED = ("released", "refused", "failed")


class Client:
    """One caller and one project, named by the agreement."""

    def __init__(self, connection: Connection, agreement: SignedAgreement) -> None:
        self.connection, self.agreement = connection, agreement
        self.path = f"/v1/projects/{agreement.digest()}"

    def open(self) -> dict[str, Any]:
        """Open the project (operator). Again gives the same one."""
        data = self.agreement.to_bytes() + b"\n"
        headers = {"Content-Type": AGREEMENT_TYPE}
        return self._json("POST", "/v1/projects", data, headers)

    def project(self) -> dict[str, Any]:
        """The project as the caller may see it."""
        return self._json("GET", self.path)

    def uploads(self) -> Iterator[dict[str, Any]]:
        """The caller's uploads, first to last; linker and operator see everybody's."""
        after: str | None = ""
        while after is not None:
            page = self._json("GET", f"{self.path}/uploads" + (f"?after={after}" if after else ""))
            yield from page["items"]
            after = page.get("next")

    def upload(
        self, path: Path, *, progress: Progress = silent, key: str | None = None
    ) -> dict[str, Any]:
        """Send a submission or withdrawal, or go on with one that was broken off.

        Raises FormatError for anything else than a container of these kinds, AgreementError or
        VerificationError for one of another agreement or party, ServiceError.
        """
        kind, _ = self.check_file(path)
        source = Source.of(path)
        found = self._begun(source, kind) or self._begin(source, kind, key)
        location = f"{self.path}/uploads/{found['id']}"
        send(self.connection, location, source, progress)
        return self._json("GET", location)

    def check_file(self, path: Path) -> tuple[str, Manifest]:
        """Kind and manifest of a file that may be sent. Raises as ``upload`` does."""
        for kind in KINDS:
            try:
                with container.opened(path, kind) as sealed:
                    manifest = sealed.manifest
            except FormatError:
                continue
            if manifest.agreement != self.agreement.digest():
                raise AgreementError(f"{path}: belongs to another agreement")
            if manifest.sender != self.connection.signer.keyid:
                raise VerificationError(
                    f"{path}: was made by another party than the one that sends"
                )
            return kind, manifest
        raise FormatError(
            f"{path}: neither a submission nor a withdrawal: it is not sent",
            hint="make one with 'blindlink owner submit'",
        )

    def settle(self, upload: str, *, timeout: float = 600.0) -> dict[str, Any]:
        """Wait until the service has verified an upload."""
        location = f"{self.path}/uploads/{upload}"
        return self._wait(lambda: self._json("GET", location), SETTLED, timeout)

    def receipt(self, upload: str, out: Path, manifest: Manifest | None, *, force: bool) -> Path:
        """Keep the receipt of a submission or a withdrawal, once it is verified.

        A withdrawal that was refused has one too. Raises VerificationError when the linker did not
        sign it for this file.
        """
        check_output(out, force=force)
        facts = self._json("GET", f"{self.path}/uploads/{upload}")
        answer = self.connection.call("GET", f"{self.path}/uploads/{upload}/receipt")
        draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}.check")
        linker = self.agreement.agreement.linker
        try:
            write_bytes(draft, answer.body)
            if facts["kind"] == withdrawal.WITHDRAWAL:
                withdrawal_receipt.load(draft, linker, facts["digest"])
            else:
                load_receipt(draft, linker, manifest)
            draft.replace(out)
        except OSError:
            raise OutputError(f"{out}: cannot be written") from None
        finally:
            draft.unlink(missing_ok=True)
        return out

    def retry(self, upload: str) -> dict[str, Any]:
        """Have a file verified again that failed for a fault of the machine (operator)."""
        return self._json("POST", f"{self.path}/uploads/{upload}/retry", b"")

    def end(self) -> dict[str, Any]:
        """How far the end of the project is, and whose word is missing (not for owners)."""
        return self._json("GET", f"{self.path}/end")

    def add_custodian(self, name: str, holder: str) -> dict[str, Any]:
        """Name the holder of a copy of the linker's key by its public key (operator)."""
        return self._post(f"{self.path}/end/custodians", {"name": name, "holder": holder})

    def attest(self, said: Attestation) -> dict[str, Any]:
        """Bring a holder's signed word that its copy of the key is erased."""
        return self._post(f"{self.path}/end/attestations", said.model_dump(mode="json"))

    def approve(self, act: Act) -> dict[str, Any]:
        """Sign that an act may happen, and tell the service (operator, auditor, linker)."""
        heads = self._json("GET", f"{self.path}/audit/heads")
        signer = self.connection.signer
        said = statement(self.agreement.digest(), heads["log"], act, signer.keyid, signer.clock())
        word = Approval.make(said, signer.sign)
        return self._post(f"{self.path}/approvals", word.model_dump(mode="json"))

    def hold(self, wanted: bool) -> dict[str, Any]:
        """Begin or end a legal hold (operator)."""
        body = json.dumps({"hold": wanted}).encode()
        return self._json(
            "PUT", f"{self.path}/end/hold", body, {"Content-Type": "application/json"}
        )

    def give_up(self, holder: str) -> dict[str, Any]:
        """End a project without the word of a custodian who is lost (operator)."""
        return self._post(f"{self.path}/end/lost", {"holder": holder})

    def cancel(self, upload: str) -> None:
        """Give up an upload that is not complete (owner)."""
        self.connection.call("DELETE", f"{self.path}/uploads/{upload}")

    def start(self) -> dict[str, Any]:
        """Ask for the run (operator or linker)."""
        return self._json("POST", f"{self.path}/run", b"")

    def run(self) -> dict[str, Any]:
        """How far the run is (not for owners)."""
        return self._json("GET", f"{self.path}/run")

    def wait_for_run(
        self, *, timeout: float = 24 * 3600.0, progress: Progress = silent
    ) -> dict[str, Any]:
        """Wait until the run has ended."""

        def look() -> dict[str, Any]:
            run = self.run()
            progress(run["done"], run["total"])
            return run

        return self._wait(look, ENDED, timeout)

    def report(self) -> Any:
        """The linkage reports (not for owners)."""
        return self.connection.call("GET", f"{self.path}/report").json()

    def download(self, out: Path, *, force: bool = False, progress: Progress = silent) -> str:
        """The release (analyst); returns its SHA-256. 'analyst cohort' verifies what is in it."""
        return fetch(self.connection, f"{self.path}/release", out, force=force, progress=progress)

    def head(self, out: Path, kept: Path | None = None, *, force: bool = False) -> Signed[Head]:
        """Keep the newest head; with one that was ``kept``, only if the log extends that one.

        Raises VerificationError when the linker did not sign it or rewrote the log.
        """
        linker = self.agreement.agreement.linker
        data = self.connection.call("GET", f"{self.path}/audit/heads/latest").body
        new = Signed.parse(line(data, "head"), Head, "head")
        new.verify(linker, "head")
        if kept is not None:
            old = Signed.load(kept, Head)
            first, second = old.document.size, new.document.size
            if first > second:
                raise VerificationError(f"{kept}: the log had more entries than it has now")
            old.verify(linker, str(kept))
            path = f"{self.path}/audit/consistency?first={first}&second={second}"
            data = self.connection.call("GET", path).body
            proof = parse(Consistency, canonical.loads(line(data, "proof"), "proof"), "proof")
            if proof.head.document != new.document:
                raise VerificationError("proof: leads to another head")
            proof.verify(old.document, "proof")
        new.save(out, force=force)
        return new

    def log(self, out: Path, *, force: bool = False) -> AuditLog:
        """Keep the whole audit log (not for owners), once the newest head fits it.

        Raises VerificationError when the linker did not sign that, or when the log claims a
        destruction that not every holder of the key attested.
        """
        head = self.connection.call("GET", f"{self.path}/audit/heads/latest").body
        data = self.connection.call("GET", f"{self.path}/audit/log").body  # extends the head
        with replacing(out, force=force) as draft:
            draft.write_bytes(data)
            found = AuditLog.load(draft)
            signed = Signed.parse(line(head, "head"), Head, "head")
            verify_log(found, signed, self.agreement.agreement.linker, "head")
            erasure.attested(found.entries, signed.document.size)
        return found

    def destroy(self) -> dict[str, Any]:
        """End the project (operator or linker)."""
        return self._post(f"{self.path}/destroy", {"confirm": self.agreement.digest()})

    def _begun(self, source: Source, kind: str) -> dict[str, Any] | None:
        """An upload of the same file that is not complete."""
        for each in self.uploads():
            same = (each["kind"], each["size"], each["state"]) == (kind, source.size, "receiving")
            if same and each["digest"] == source.digest:
                return each
        return None

    def _begin(self, source: Source, kind: str, key: str | None) -> dict[str, Any]:
        body = json.dumps({"kind": kind, "size": source.size, "digest": source.digest}).encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key or secrets.token_hex(16),
        }
        return self._json("POST", f"{self.path}/uploads", body, headers)

    def _wait(
        self, look: Callable[[], dict[str, Any]], states: tuple[str, ...], timeout: float
    ) -> dict[str, Any]:
        end = time.monotonic() + timeout
        while (found := look())["state"] not in states:
            if time.monotonic() > end:
                raise ServiceError("the service has not finished in time")
            time.sleep(POLL)
        return found

    def _post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(document).encode()
        return self._json("POST", path, body, {"Content-Type": "application/json"})

    def _json(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        found: dict[str, Any] = self.connection.call(
            method, path, body=body, headers=headers
        ).json()
        return found
