"""``blindlink demo --service``: the linker runs a linkage service on this machine, the others use
its client, and everything between them goes over HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import monotonic, sleep

from blindlink.cli.service.serving import need_extra
from blindlink.client.client import Client
from blindlink.client.connection import Connection, RefusalError
from blindlink.client.signing import Signer
from blindlink.errors import ServiceError
from blindlink.keys.files import read_private, write_private
from blindlink.linker.protocol.release import Released
from blindlink.progress import Progress
from blindlink.synthetic.demo import parties
from blindlink.synthetic.demo.parties import NOW, Party

FOLDER = "service"
WAIT, PAUSE = 60.0, 0.05  # seconds: for the worker to load, between two looks


@dataclass
class ByService:
    """Carries the study's files through a service whose clock is the study's."""

    url: str = ""
    released: SimpleQueue[Released] = field(default_factory=SimpleQueue)

    @contextmanager
    def opened(self, cast: Mapping[str, Party]) -> Iterator[None]:
        """The service at work, with the project of the agreement open."""
        need_extra()
        from blindlink.client import person
        from blindlink.service.context import Service
        from blindlink.service.data import schema
        from blindlink.service.jobs.keyring import Keyring, passphrase_from
        from blindlink.service.server import bind, running
        from blindlink.service.settings import People, Settings

        linker = cast["linker"]
        listener = bind("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        alone = People(approvals=1)  # one person plays every part
        settings = Settings(
            linker.path(FOLDER), public_url=self.url, clock=lambda: NOW, people=alone
        )
        service = Service.open(settings, entropy=linker.entropy)
        schema.migrate(service.database)
        service.take_storage()
        person.make(settings.credential_folder, "operator")
        settings.key_folder.mkdir()
        write_private(settings.key_folder / "linker.key", read_private(linker.path("linker.key")))
        keyring = Keyring(settings.key_folder, passphrase_from(linker.path("passphrase"), None))
        with running(service, listener, keyring, observer=self.released.put):
            self._open(linker)
            yield
        service.close()

    def submit(self, owner: Party, linker: Party, progress: Progress) -> None:
        """Upload, wait for the verdict, keep the receipt."""
        client = self._client(owner)
        file = owner.path(f"{owner.name}.submission")
        sent = client.settle(client.upload(file, progress=progress)["id"])
        if sent["state"] != "accepted":
            raise ServiceError(f"the service did not take it: {sent.get('reason')}")
        manifest = client.check_file(file)[1]
        client.receipt(sent["id"], owner.path(f"{owner.name}.receipt"), manifest, force=False)

    def link(self, linker: Party, analyst: Party, progress: Progress) -> Released:
        """Have the service link, and download the release as the analyst."""
        operator = self._client(linker)
        operator.start()
        run = operator.wait_for_run(progress=progress)
        if run["state"] != "released":
            raise ServiceError(f"the run ended without a release: {run.get('reason')}")
        self._client(analyst).download(analyst.path(parties.RELEASE))
        return self.released.get(timeout=WAIT)

    def _client(self, party: Party) -> Client:
        signer = Signer.of_party(party.keys, lambda: NOW)
        return Client(Connection(self.url, signer), party.agreement())

    def _open(self, linker: Party) -> None:
        credential = linker.path(FOLDER) / "credentials" / "operator.key"
        signer = Signer.of_credential(credential, lambda: NOW)
        client, end = Client(Connection(self.url, signer), linker.agreement()), monotonic() + WAIT
        while True:
            try:
                client.open()
            except RefusalError:  # until the worker has said whose keys it holds
                if monotonic() > end:
                    raise
                sleep(PAUSE)
            else:
                return
