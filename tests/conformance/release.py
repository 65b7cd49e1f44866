"""docs/spec/release.md: a release as the analyst reads it, step by step."""

import json
import re
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from itertools import combinations
from math import isfinite, isnan
from typing import Any
from unicodedata import category

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conformance import forms
from conformance.forms import SKEW, moment, need, read_json, step
from conformance.primitives import expand, fingerprint, leaf, root, verify
from conformance.reader import (
    FORWARDED,
    SHAPE,
    VERIFY,
    Container,
    Document,
    World,
    _agreed,
    _submission_content,
    _verify_small,
    _withdrawal_content,
    a_manifest,
    ascending,
    container,
    controls_in,
    cut,
    open_key,
    open_stream,
    plain_size,
)

SECTIONS = (
    *("index", "entities", "links", "candidates", "reports", "forwarded", "withdrawals", "log"),
    *("digests", "proofs", "payload"),
)
METHODS = ("deterministic", "clk", "probabilistic")
DENY, AGREE = "RefusedError", "AgreementError"
OWNER = forms.fields(
    {
        "name": forms.name,
        "policy": forms.one_of("all", "candidates", "matched"),
        "manifest": forms.pattern(r"[\s\S]*"),
        "signatures": forms.signatures,
        "withdrawal_bytes": forms.whole(0, 64 << 20),
        **dict.fromkeys(("entities", "withdrawals", "blobs", "nodes"), forms.count),
    }
)
INDEX = forms.fields(
    {
        "owners": forms.list_of(OWNER, 2, 30),
        "links": forms.count,
        "candidates": forms.count,
        "methods": forms.list_of(forms.pattern(r"[ -~]{0,64}"), 0, 64),
        "log_bytes": forms.whole(1, 8 << 20),
        "head": forms.head,
    }
)
KINDS = {
    "text": r"[\s\S]*",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "integer": r"-?(0|[1-9][0-9]{0,17})",
    "number": r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?",
}
COLUMN = forms.fields(
    {"name": forms.column, "kind": forms.one_of(*KINDS), "width": forms.whole(1, 1024)}
)
TABLE = forms.fields({"name": forms.column, "columns": forms.list_of(COLUMN, 1, 256)})
NUMBERS = ("rows", "filled", "kept", "unreadable", "unknown", "placeholder", "missing", "unjoined")
LOSS = forms.fields(
    {"field": forms.pattern(r"[\s\S]{1,100}"), **dict.fromkeys(NUMBERS, forms.whole(0, 2**31))}
)
LAYOUT = forms.fields(
    {"tables": forms.list_of(TABLE, 0, 16), "losses": forms.list_of(LOSS, 0, 256)}
)


@dataclass
class Entity:
    """An entity that the release names, and what its blob holds where that came along."""

    pseudonym: bytes
    blob: bytes
    place: int
    blobs: int
    candidates: int
    forwarded: bool
    owner: int
    control: bool = False


@dataclass
class Owner:
    """One owner's part, its manifest and content, whom it took out, and what it sealed."""

    part: Document
    manifest: Document
    content: Document
    out: set[bytes] = field(default_factory=set)
    out_rows: int = 0
    bundles: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    controls: set[bytes] = field(default_factory=set)


def release(data: bytes, world: World, _: str) -> None:
    found = container(data, "release", world, "linker")
    content = found.manifest["content"]
    with step(SHAPE, "content"):
        forms.fields({"submissions": forms.map_of(forms.name, forms.digest, 2, 30)})(content)
    with step(SHAPE, "sections"):
        sections = [(each["name"], each["cipher"]) for each in found.manifest["sections"]]
        need(sections == [(name, "stream") for name in SECTIONS])
    mine = world.private("analyst")
    plain = found.stream("index", mine)
    with step(SHAPE, "index"):
        index = read_json(plain)
        INDEX(index)
    owners = _owners(found, index, world)
    with step(SHAPE, "sizes"):
        _sizes(found, index, owners)
    _withdrawals(owners, _read(found, "withdrawals", world), world)
    _log(found, index, owners, _read(found, "log", world), world)
    entities = _entities(owners, _read(found, "entities", world))
    links, candidates = (_read(found, name, world) for name in ("links", "candidates"))
    with step(SHAPE, "links"):
        pairs = [_pairs(each, entities, index["methods"]) for each in (links, candidates)]
    _policies(owners, entities, pairs, world)
    _payload(found, owners, entities, world)
    reports = _reports(_read(found, "reports", world), owners)
    with step(VERIFY, "figures"):
        _figures(index, owners, entities, pairs, reports, world)
    with step(DENY, "people"):
        _people(owners, entities, pairs[0], world)


def _read(found: Container, name: str, world: World) -> bytes:
    return found.stream(name, world.private("analyst"))


def _owners(found: Container, index: Document, world: World) -> list[Owner]:
    agreed = [p for p in world.terms["parties"] if p["role"] == "owner"]
    named = found.manifest["content"]["submissions"]
    made, owners = moment(found.manifest["created"]), []
    with step(VERIFY, "owners"):
        need([part["name"] for part in index["owners"]] == [p["name"] for p in agreed])
        need(set(named) == {p["name"] for p in agreed})
    for part, party in zip(index["owners"], agreed, strict=True):
        with step(SHAPE, "owners"):
            manifest = read_json(part["manifest"].encode(), 1 << 20)
            a_manifest("submission")(manifest)
        with step(VERIFY, "owners"):
            need(manifest["sender"] == fingerprint(party))
            message = part["manifest"].encode()
            verify(message, part["signatures"], "blindlink-submission-v1", party)
        with step(AGREE, "owners"):
            need(manifest["agreement"] == world.agreement)
            need(forms.later(manifest["created"]) <= made < moment(manifest["expires"]))
        with step(VERIFY, "owners"):
            need(sha256(message).hexdigest() == named[part["name"]])
        with step(VERIFY, "policy"):
            need(part["policy"] == world.terms["release_policy"][part["name"]])
        owners.append(Owner(part, manifest, {}))
    for owner in owners:
        owner.content = _submission_content(owner.manifest)
        _agreed(owner.content, owner.manifest, world.terms, world)
    return owners


def _section(manifest: Document, name: str) -> Document:
    return dict(next(each for each in manifest["sections"] if each["name"] == name))


def _sizes(found: Container, index: Document, owners: Sequence[Owner]) -> None:
    parts = index["owners"]
    declared = {
        "entities": 45 * sum(part["entities"] for part in parts),
        "links": 17 * index["links"],
        "candidates": 17 * index["candidates"],
        "forwarded": sum(_section(o.manifest, n)["size"] for o in owners for n in FORWARDED),
        "withdrawals": sum(part["withdrawal_bytes"] for part in parts),
        "log": index["log_bytes"],
        "digests": 32 * sum(part["entities"] - part["blobs"] for part in parts),
        "proofs": 32 * sum(part["nodes"] for part in parts),
        "payload": sum(o.part["blobs"] * (o.content["blob_size"] + 32) for o in owners),
    }
    for name, size in declared.items():
        need(plain_size(_section(found.manifest, name)["size"]) == size)


def _withdrawals(owners: Sequence[Owner], data: bytes, world: World) -> None:
    at = 0
    for owner in owners:
        party = world.party(owner.part["name"])
        end = at + owner.part["withdrawal_bytes"]
        for _ in range(owner.part["withdrawals"]):
            with step(SHAPE, "withdrawals"):
                framed = []
                for limit in (1 << 20, 16 << 10):
                    (size,) = struct.unpack(">I", data[at : at + 4])
                    need(size <= limit and at + 4 + size <= end)
                    framed.append(data[at + 4 : at + 4 + size])
                    at += 4 + size
                manifest, given = read_json(framed[0], 1 << 20), read_json(framed[1], 16 << 10)
                a_manifest("withdrawal")(manifest)
                forms.signatures(given)
                size = _section(manifest, "entities")["size"]
                sealed = data[at : at + size]
                at += size
                need(at <= end)
            with step(VERIFY, "withdrawals"):
                need(manifest["sender"] == fingerprint(party))
                verify(framed[0], given, "blindlink-withdrawal-v1", party)
                need(manifest["content"]["submission"] == owner.manifest["bundle"])
                need(sha256(sealed).hexdigest() == _section(manifest, "entities")["digest"])
            content = _withdrawal_content(manifest)
            plain = open_stream(manifest, "entities", sealed, world.private("analyst"))
            with step(SHAPE, "withdrawals"):
                owner.out |= set(ascending(plain))
            owner.out_rows += content["rows"]
            owner.bundles.append(manifest["bundle"])
            owner.digests[manifest["bundle"]] = sha256(framed[0]).hexdigest()
        with step(SHAPE, "withdrawals"):
            need(at == end and owner.bundles == sorted(set(owner.bundles)))


def _log(
    found: Container, index: Document, owners: Sequence[Owner], data: bytes, world: World
) -> None:
    _verify_small(index["head"], world.party("linker"), "log")
    head = index["head"]["document"]
    with step(SHAPE, "log"):
        lines = data.split(b"\n")
        need(lines.pop() == b"" and len(lines) == head["size"])
    with step(VERIFY, "log"):
        need(root([leaf(each) for each in lines]).hex() == head["root"])
    with step(SHAPE, "log"):
        entries = [read_json(each, 64 << 10) for each in lines]
        for at, each in enumerate(entries):
            forms.entry(each)
            need(each["index"] == at)
    with step(VERIFY, "log"):
        times = [moment(each["time"]) for each in entries]
        need(times == sorted(times))
        need(times[-1] <= moment(head["time"]) <= moment(found.manifest["created"]) + SKEW)
        _story(entries, owners, world)


def _story(entries: Sequence[Document], owners: Sequence[Owner], world: World) -> None:
    """audit.md, a log that means something; and that it is of exactly these files."""
    need(entries[0]["event"] == "project-opened" and entries[-1]["event"] == "inputs-frozen")
    need(entries[0]["details"]["agreement"] == world.agreement)
    latest: dict[str, Document] = {}
    out: dict[str, Document] = {}
    seen: set[str] = set()
    for each in entries[1:-1]:
        kind, details = each["event"], each["details"]
        need(kind not in ("project-opened", "inputs-frozen", "released", "refused", "destroyed"))
        need(kind != "agreement-ended")
        if kind == "submission-received":
            need(details["agreement"] == world.agreement and details["bundle"] not in seen)
            before = latest.get(details["owner"], {"sequence": 0})
            need(details["sequence"] > before["sequence"])
            latest[details["owner"]] = details
            seen.add(details["bundle"])
        if kind == "withdrawal-received":
            need(latest[details["owner"]]["bundle"] == details["submission"])
            need(details["bundle"] not in seen)
            seen.add(details["bundle"])
            out[details["bundle"]] = details
    frozen = entries[-1]["details"]
    current = {details["bundle"] for details in latest.values()}
    due = {bundle: d["withdrawal"] for bundle, d in out.items() if d["submission"] in current}
    need(set(frozen["submissions"]) == current and frozen["withdrawals"] == sorted(due))
    need(set(latest) == {owner.part["name"] for owner in owners})
    for owner in owners:
        told = latest[owner.part["name"]]
        need(told["bundle"] == owner.manifest["bundle"])
        need(told["submission"] == sha256(owner.part["manifest"].encode()).hexdigest())
        need((told["rows"], told["sequence"]) == (owner.content["rows"], owner.content["sequence"]))
    heeded = {bundle: digest for owner in owners for bundle, digest in owner.digests.items()}
    need(heeded == due)


def _entities(owners: Sequence[Owner], data: bytes) -> list[Entity]:
    with step(SHAPE, "entities"):
        rows = [struct.unpack(">16s16sIIIB", row) for row in cut(data, 45)]
        found, at = [], 0
        for number, owner in enumerate(owners):
            mine = rows[at : at + owner.part["entities"]]
            at += len(mine)
            found += [Entity(a, b, c, d, e, f == 1, number) for a, b, c, d, e, f in mine]
            need(all(row[5] in (0, 1) for row in mine))
            places = [row[2] for row in mine]
            need(places == sorted(set(places)) and all(p < owner.content["blobs"] for p in places))
            need(all(row[3] == 1 for row in mine))
            need(len(mine) <= owner.content["entities"] - len(owner.out))
            need(sum(row[5] for row in mine) == owner.part["blobs"])
            need(len({row[1] for row in mine}) == len(mine))
        need(len({each.pseudonym for each in found}) == len(found))
    with step(VERIFY, "entities"):
        for number, owner in enumerate(owners):
            need(not owner.out & {each.blob for each in found if each.owner == number})
    return found


Pair = tuple[int, int, float, int]


def _pairs(data: bytes, entities: Sequence[Entity], methods: Sequence[str]) -> list[Pair]:
    found: list[Pair] = []
    for row in cut(data, 17):
        left, right, probability, method = struct.unpack(">IIdB", row)
        need(max(left, right) < len(entities) and method < len(methods))
        need(entities[left].owner < entities[right].owner)
        need(isnan(probability) or 0 <= probability <= 1)
        found.append((left, right, probability, method))
    need(len({pair[:2] for pair in found}) == len(found))
    return found


def _policies(
    owners: Sequence[Owner], entities: Sequence[Entity], pairs: Sequence[list[Pair]], world: World
) -> None:
    links, candidates = pairs
    terms = world.terms
    by_owner = Counter(
        (side, entities[one].owner, entities[other].owner, one)
        for left, right, *_ in links
        for side, one, other in ((0, left, right), (1, right, left))
    )
    most = {"one-to-one": (1, 1), "one-to-many": (10**9, 1), "many-to-many": (10**9, 10**9)}
    with step(VERIFY, "cardinality"):
        for (side, *_), number in by_owner.items():
            need(number <= most[terms["plan"]["cardinality"]][side])
    with step(SHAPE, "candidates"):
        need({pair[:2] for pair in links} <= {pair[:2] for pair in candidates})
    with step(VERIFY, "overlap"):
        for one, other in combinations(range(len(owners)), 2):
            between = [
                p for p in links if (entities[p[0]].owner, entities[p[1]].owner) == (one, other)
            ]
            need(len(between) >= terms["minimum_overlap"])
    linked = {at for pair in links for at in pair[:2]}
    paired = {at for pair in candidates for at in pair[:2]}
    with step(VERIFY, "release"):
        for at, each in enumerate(entities):
            policy = owners[each.owner].part["policy"]
            wanted = {"all": True, "candidates": at in paired, "matched": at in linked}[policy]
            need(each.forwarded == wanted and (wanted or at in paired))
        for number, owner in enumerate(owners):
            if owner.part["policy"] == "all":
                whole = owner.content["entities"] - len(owner.out)
                need(sum(each.owner == number for each in entities) == whole)
    with step(VERIFY, "limits"):
        need(max(by_owner.values(), default=0) <= terms["limits"]["entity_links"])
        for number, owner in enumerate(owners):
            share = float(terms["limits"]["released"].get(owner.part["name"], 1))
            named = sum(each.owner == number for each in entities)
            need(named <= share * owner.content["entities"])


def _payload(
    found: Container, owners: Sequence[Owner], entities: Sequence[Entity], world: World
) -> None:
    streams = {n: _read(found, n, world) for n in ("forwarded", "digests", "proofs", "payload")}
    at = dict.fromkeys(streams, 0)

    def take(name: str, size: int) -> bytes:
        at[name] += size
        return streams[name][at[name] - size : at[name]]

    mine = world.private("analyst")
    for number, owner in enumerate(owners):
        sealed = {n: take("forwarded", _section(owner.manifest, n)["size"]) for n in FORWARDED}
        plain = {}
        for name, data in sealed.items():
            with step(VERIFY, "forwarded"):
                need(sha256(data).hexdigest() == _section(owner.manifest, name)["digest"])
            plain[name] = open_stream(owner.manifest, name, data, mine)
        with step(SHAPE, "forwarded"):
            layout = read_json(plain["layout"])
            LAYOUT(layout)
            need(len({t["name"] for t in layout["tables"]}) == len(layout["tables"]))
            need(len({each["field"] for each in layout["losses"]}) == len(layout["losses"]))
            for each in layout["losses"]:
                need(each["kept"] <= each["filled"] <= each["rows"])
                parts = (each["unreadable"], each["unknown"], each["placeholder"])
                need(max(parts) <= each["filled"])
            for table in layout["tables"]:
                need(len({c["name"] for c in table["columns"]}) == len(table["columns"]))
        agreed = world.terms["payload"][owner.part["name"]]
        with step(VERIFY, "columns"):
            sent = {t["name"]: [c["name"] for c in t["columns"]] for t in layout["tables"]}
            need(all(each["rows"] <= owner.content["rows"] for each in layout["losses"]))
            need(
                {t: sorted(c) for t, c in sent.items()} == {t: sorted(c) for t, c in agreed.items()}
            )
        with step(SHAPE, "controls"):
            owner.controls = set(ascending(plain["controls"]))
        named = [each for each in entities if each.owner == number]
        _blobs(owner, named, layout, agreed, take, open_key(owner.manifest, "payload", mine))
        with step(VERIFY, "controls"):
            for each in named:
                marked = each.blob in owner.controls
                need(not each.forwarded or marked == each.control)
                each.control = marked
            if owner.part["policy"] == "all":
                need(sum(each.control for each in named) == len(owner.controls))
            wanted = controls_in(owner.content, world.terms, owner.part["name"])
            exact = owner.content["sequence"] > 1 or len(owner.controls) == wanted
            need(len(owner.controls) in (wanted, wanted + 1) and (exact or wanted))


def _blobs(
    owner: Owner, named: Sequence[Entity], layout: Document, agreed: Document, take: Any, key: bytes
) -> None:
    size, leaves, texts = owner.content["blob_size"], [], []
    for each in named:
        if not each.forwarded:
            leaves.append(leaf(each.blob + take("digests", 32)))
            continue
        record = take("payload", size + 32)
        leaves.append(leaf(record[:16] + sha256(record[16:]).digest()))
        with step(VERIFY, "payload"):
            need(record[:16] == each.blob)
            bound = each.blob + each.blob + b"blindlink-payload-blob-v1" + struct.pack(">II", 0, 1)
            texts.append(
                (each, AESGCM(expand(key, bound, 32)).decrypt(bytes(12), record[16:], None))
            )
    nodes = [take("proofs", 32) for _ in range(owner.part["nodes"])]
    cells: list[tuple[str, str, str]] = []
    with step(SHAPE, "entity bytes"):
        for each, text in texts:
            cells += _entity_bytes(each, text, layout)
    with step(VERIFY, "payload"):
        if named or nodes:
            places = [each.place for each in named]
            top = _proved(owner.content["blobs"], places, leaves, nodes)
            need(top.hex() == owner.content["payload_root"])
    with step(VERIFY, "columns"):
        for table, column, value in cells:
            rule = agreed[table][column]
            need(not isinstance(rule, list) or value in rule)


def _entity_bytes(entity: Entity, text: bytes, layout: Document) -> Iterator[tuple[str, str, str]]:
    tables = layout["tables"]
    need(text[0] in (0, 1))
    entity.control = text[0] == 1
    start = 1 + 4 * len(tables)
    counts = struct.unpack(f">{len(tables)}I", text[1:start])
    need(not entity.control or not any(counts))
    widths = [sum(column["width"] for column in table["columns"]) for table in tables]
    need(start + sum(n * width for n, width in zip(counts, widths, strict=True)) <= len(text))
    at = start
    for table, number in zip(tables, counts, strict=True):
        for column in list(table["columns"]) * number:
            cell = text[at : at + column["width"]].rstrip(b"\0")
            at += column["width"]
            need(b"\0" not in cell)
            value = cell.decode("utf-8")
            if value:
                _cell(value, column["kind"])
                yield table["name"], column["name"], value
    need(not any(text[at:]))


def _cell(value: str, kind: str) -> None:
    need(not any(category(sign) in ("Cc", "Cf", "Co", "Zl", "Zp") for sign in value))
    need(re.fullmatch(KINDS[kind], value))
    if kind == "date":
        date.fromisoformat(value)


def _proved(
    size: int, places: Sequence[int], leaves: Sequence[bytes], nodes: Sequence[bytes]
) -> bytes:
    """The root from some leaves: nodes level by level, from the left; each is needed."""
    known, rest = dict(zip(places, leaves, strict=True)), iter(nodes)
    while size > 1:
        above: dict[int, bytes] = {}
        for at in sorted(known):
            if at // 2 in above:
                continue
            if at == size - 1 and size % 2:
                above[at // 2] = known[at]
                continue
            other = known[at ^ 1] if at ^ 1 in known else next(rest)
            pair = (known[at] + other) if at % 2 == 0 else (other + known[at])
            above[at // 2] = sha256(b"\1" + pair).digest()
        known, size = above, -(-size // 2)
    need(next(rest, None) is None)
    return known[0]


def _reports(data: bytes, owners: Sequence[Owner]) -> list[Document]:
    with step(SHAPE, "reports"):
        found = json.loads(data)
        names = [owner.part["name"] for owner in owners]
        need([(each["left"], each["right"]) for each in found] == list(combinations(names, 2)))
        need(all(each["report"]["version"] == "blindlink-linkage-report-1" for each in found))
        return [each["report"] for each in found]


def _figures(
    index: Document,
    owners: Sequence[Owner],
    entities: Sequence[Entity],
    pairs: Sequence[list[Pair]],
    reports: Sequence[Document],
    world: World,
) -> None:
    """Numbers that stand twice."""
    plan = world.terms["plan"]
    methods = [method.split("+") if method else [] for method in index["methods"]]
    for parts in methods:
        places = [METHODS.index(part) for part in parts]
        need(places == sorted(set(places)))
    counted = Counter(at for pair in pairs[1] for at in pair[:2])
    need(all(each.candidates == counted[at] for at, each in enumerate(entities)))
    agreed = [bool(set(parts) & set(plan["methods"])) for parts in methods]
    need(all(agreed[method] for *_, method in pairs[0]))
    floor = float(plan["candidate_floor"])
    need(all(agreed[m] or p >= floor for _, _, p, m in pairs[1]))
    for (one, other), report in zip(combinations(range(len(owners)), 2), reports, strict=True):
        mine = [
            [p for p in each if (entities[p[0]].owner, entities[p[1]].owner) == (one, other)]
            for each in pairs
        ]
        _report(report, mine, plan)


def _report(report: Document, pairs: Sequence[list[Pair]], plan: Document) -> None:
    how, model = report["threshold_method"], report["threshold_method"] == "auto"
    need(all(isnan(p) != model for each in pairs for _, _, p, _ in each))
    fixed = None if plan["threshold"] == "auto" else float(plan["threshold"])
    need(how in (("auto", "fallback") if fixed is None else ("fixed",)))
    need(how != "fixed" or report["threshold"] == fixed)
    need(how != "fallback" or report["threshold"] == float(plan["fallback_threshold"]))
    need(report["target"] == plan["target"] and report["cardinality"] == plan["cardinality"])
    need(report["methods_used"] == plan["methods"])
    counts = report["counts"]
    need((counts["links"], counts["candidates"]) == tuple(len(each) for each in pairs))
    need(counts["conflicts"] == counts["accepted"] - counts["links"])
    need(min(counts.values()) >= 0)
    for side in ("left", "right"):
        sizes = [counts[f"{side}_{what}"] for what in ("comparable", "entities", "rows")]
        need(sizes == sorted(sizes))
    for name in ("precision", "recall", "f1", "false_link_rate", "sensitivity"):
        each = report.get(name)
        need(not each or 0 <= each["low"] <= each["value"] <= each["high"] <= 1)
    need(0 <= report["threshold"] <= 1)
    need(all(isfinite(number) for number in report["model"].values()))


def _people(
    owners: Sequence[Owner], entities: Sequence[Entity], links: list[Pair], world: World
) -> None:
    for owner in owners:
        rows = owner.content["rows"] - owner.out_rows - len(owner.controls)
        need(rows >= world.terms["minimum_rows"])
    for one, other in combinations(range(len(owners)), 2):
        real = [
            pair
            for pair in links
            if (entities[pair[0]].owner, entities[pair[1]].owner) == (one, other)
            and not entities[pair[0]].control
            and not entities[pair[1]].control
        ]
        need(len(real) >= world.terms["minimum_overlap"])
