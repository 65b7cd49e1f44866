"""``blindlink serve``: the linkage service, with a worker in its process unless told otherwise."""

from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blindlink.cli.common import FOLDER, IN_FILE, example, note
from blindlink.cli.service.serving import (
    keyring,
    leave,
    need_extra,
    place_options,
    private,
    process_options,
    settings_of,
)

if TYPE_CHECKING:
    from blindlink.service.context import Service
    from blindlink.service.server import Tls
    from blindlink.service.settings import Settings


@click.command(
    epilog=example(
        "blindlink serve --data linkage-service --passphrase-file ttp.passphrase",
        "blindlink serve --database-url postgresql+psycopg://blindlink@db/blindlink "
        "--storage-url s3://linkage --workers 0 --host 0.0.0.0 --public-url https://link.example",
    )
)
@place_options
@process_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen at this address.")
@click.option("--port", type=click.IntRange(0, 65535), default=8410, show_default=True)
@click.option(
    "--public-url",
    envvar="BLINDLINK_PUBLIC_URL",
    help="How clients reach the service, when not at host and port: what their signatures name.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 16),
    default=1,
    show_default=True,
    help="Workers inside this process; 0 where 'blindlink worker' runs.",
)
@click.option("--migrate", is_flag=True, help="Bring the database to this version's schema first.")
@click.option("--tls-cert", type=IN_FILE, help="Certificate chain (PEM), to speak HTTPS itself.")
@click.option("--tls-key", type=IN_FILE, help="Private key of the certificate (PEM).")
@click.option(
    "--tls-clients", type=IN_FILE, help="Mutual TLS: authorities (PEM) of client certificates."
)
@click.option(
    "--trust-proxy",
    multiple=True,
    default=("127.0.0.1", "::1"),
    show_default=True,
    help="An address or network of a proxy of yours, whose X-Forwarded-For is believed. "
    "Repeatable.",
)
@click.option(
    "--console/--no-console",
    default=True,
    show_default=True,
    help="Pages for operator and auditor at /console; off where only parties should reach it.",
)
@click.option(
    "--credentials",
    type=FOLDER,
    help="Folder of the first persons' public keys, ROLE.NAME.pub; DATA/credentials unless given.",
)
def serve(**given: Any) -> None:
    """Run the linkage service until it is interrupted.

    Without options: SQLite and a folder, one process, on this machine only. The service never has a
    linkage secret or an identity; the linker's keys are opened by workers alone.
    """
    need_extra()
    from blindlink.service.server import bind, counted, make_server, run, working
    from blindlink.service.telemetry import logs
    from blindlink.service.telemetry.scraping import scraped

    take = given.pop
    tls = _tls(take("tls_cert"), take("tls_key"), take("tls_clients"))
    host, port, public_url = take("host"), take("port"), take("public_url")
    if host in ("0.0.0.0", "::") and public_url is None:  # noqa: S104 - it is compared
        raise click.UsageError("say --public-url: clients sign for the address that they call")
    passphrase = take("passphrase_file"), take("passphrase_fd")
    workers, metrics, migrate = take("workers"), take("metrics"), take("migrate")
    proxies = _networks(take("trust_proxy"))
    listener = bind(host, port)
    here = f"{'https' if tls else 'http'}://{host}:{listener.getsockname()[1]}"
    settings = settings_of(public_url=public_url or here, proxies=proxies, **given)
    private()
    logs.to_stderr()
    service = _opened(settings, migrate)
    ring = keyring(settings, *passphrase) if workers else None
    server = make_server(service, tls=tls)
    note(f"linkage service at {settings.public_url}")
    if settings.console:
        note(f"console at {settings.public_url}/console")
    with (
        scraped(service, metrics),
        working(service, ring, workers, stalled=leave),
        counted(service),
    ):
        run(server, listener)
    service.close()


def _opened(settings: "Settings", migrate: bool) -> "Service":
    """The service with a database of this version, and a word where nobody operates it yet."""
    from blindlink.service.context import Service
    from blindlink.service.data import schema
    from blindlink.service.recovery import witness
    from blindlink.service.web import credentials

    service = Service.open(settings)
    if migrate or not settings.database_url:  # the embedded database is nobody else's
        schema.migrate(service.database)
    schema.check(service.database)
    witness.check(service)
    service.take_storage()
    if not credentials.load(settings.credential_folder):
        note(
            "nobody operates this service yet: blindlink client new-person --role operator "
            f"--name NAME, and put the .pub file into {settings.credential_folder}"
        )
    return service


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks as networks. Whoever believes everybody's header believes nobody's."""
    try:
        return tuple(str(ip_network(name)) for name in names)
    except ValueError as error:
        raise click.UsageError(f"--trust-proxy: {error}") from None


def _tls(cert: Path | None, key: Path | None, clients: Path | None) -> "Tls | None":
    from blindlink.service.server import Tls

    if (cert is None) != (key is None) or (clients is not None and cert is None):
        raise click.UsageError("--tls-cert and --tls-key belong together")
    return None if cert is None or key is None else Tls(cert, key, clients)
