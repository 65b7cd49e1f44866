"""From TOML to agreement: what people write, and what is refused with its place."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from blindlink.errors import FormatError, InputError, OutputError, SchemaError
from blindlink.messages.agreement.document import read_agreement
from blindlink.messages.agreement.draft import new_agreement, template, write_agreement
from worlds.parties import NOW, SCHEMA, keys, secret

NAMES = {"moj": "moj", "ohid": "ohid", "ttp": "ttp", "lab": "analyst", "carol": "checker"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The template and every file that it names."""
    for name, called in NAMES.items():
        keys(name).public.save(tmp_path / f"{called}.key.public")
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "draft.toml").write_text(template())
    return tmp_path


def draft(folder: Path, *changes: tuple[str, str]) -> Path:
    """The template with lines changed."""
    text = template()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "draft.toml").write_text(text)
    return folder / "draft.toml"


def test_the_template_is_an_agreement(folder: Path) -> None:
    signed = new_agreement(draft(folder), now=NOW, key=secret())
    write_agreement(signed, draft(folder), folder / "a")
    terms = signed.agreement
    assert read_agreement(folder / "a") == signed
    assert signed.missing() == ["moj", "ohid", "ttp", "lab"]
    assert terms.key_check == secret().check_value()
    assert terms.expires == "2027-03-31T00:00:00Z"
    assert terms.payload["moj"]["events"]["requirement"] == "keep"
    assert terms.plan.candidate_floor == "0.01"
    assert terms.schema_fingerprint()
    assert terms.output_checkers == (keys("carol").public,)


def test_nothing_is_overwritten_least_of_all_the_draft(folder: Path) -> None:
    signed = new_agreement(draft(folder), now=NOW, key=secret())
    with pytest.raises(OutputError, match="also the input"):
        write_agreement(signed, draft(folder), folder / "draft.toml", force=True)


def test_key_check_by_hand(folder: Path) -> None:
    path = draft(folder, ('# key_check = "0123456789abcdef"', 'key_check = "0123456789abcdef"'))
    assert new_agreement(path, now=NOW).agreement.key_check == "0123456789abcdef"
    with pytest.raises(InputError, match="is not that of the linkage key"):
        new_agreement(path, now=NOW, key=secret())
    with pytest.raises(InputError, match="key_check: is missing"):
        new_agreement(draft(folder), now=NOW)


def test_a_later_version_names_the_one_before(folder: Path) -> None:
    first = new_agreement(draft(folder), now=NOW, key=secret())
    write_agreement(first, draft(folder), folder / "study.agreement")
    named = ('# supersedes = "study.agreement"', 'supersedes = "study.agreement"')
    second = ("version = 1 ", "version = 2 ")
    made = new_agreement(draft(folder, named, second), now=NOW, key=secret()).agreement
    assert made.supersedes == first.digest()
    assert "supersedes" not in first.agreement.document()
    for changes, message in (
        ((named,), "is not of an earlier version"),
        ((named, second, ('"drug-treatment-study"', '"another"')), "of another project"),
        ((second, (named[0], "supersedes = 1")), "is not the name of an agreement file"),
    ):
        with pytest.raises(InputError, match=f"supersedes: {message}|supersedes: is the agreement"):
            new_agreement(draft(folder, *changes), now=NOW, key=secret())


def test_a_policy_file_beside_the_draft(folder: Path) -> None:
    (folder / "policy.json").write_text('{"threshold": 10}')
    text = template()
    start, end = text.index("[disclosure_policy]"), text.index("[plan]")
    (folder / "draft.toml").write_text(
        'disclosure_policy = "policy.json"\n' + text[:start] + text[end:]
    )
    made = new_agreement(folder / "draft.toml", now=NOW, key=secret())
    assert made.agreement.disclosure_policy == {"threshold": 10}
    for wrong, message in (("[", "is not JSON"), ("[]", "is not a JSON object")):
        (folder / "policy.json").write_text(wrong)
        with pytest.raises(InputError, match=message):
            new_agreement(folder / "draft.toml", now=NOW, key=secret())
    start = text.index("[disclosure_policy]")
    (folder / "draft.toml").write_text("disclosure_policy = 5\n" + text[:start] + text[end:])
    with pytest.raises(InputError, match="neither a table nor the name of a file"):
        new_agreement(folder / "draft.toml", now=NOW, key=secret())


def test_moments_with_and_without_a_zone(folder: Path) -> None:
    path = draft(
        folder,
        ("expires = 2027-03-31", "expires = 2027-03-31T12:00:00+01:00"),
        ("destroy_by = 2028-03-31", "destroy_by = 2028-03-31T12:00:00"),
    )
    terms = new_agreement(path, now=NOW, key=secret()).agreement
    assert (terms.expires, terms.destroy_by) == ("2027-03-31T11:00:00Z", "2028-03-31T12:00:00Z")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("project = ", "project == ", "is not TOML: at line 6"),
        ("project = ", "projekt = ", "unknown key: projekt"),
        ('project = "drug-treatment-study"', 'project = "Drug"', "project"),
        ("expires = 2027-03-31", 'expires = "soon"', "expires: is not a date"),
        ("expires = 2027-03-31", "expires = 2020-03-31", "not in this order"),
        ("parties = [", "parties = [1, ", "parties: is not a list of file names"),
        ('schema = "schema.json"', "schema = 5", "schema: is not the name"),
        ('candidate_floor = "0.01"', "candidate_floor = 0.01", "write a fraction as text"),
        ('release = "all"', "", "owner.moj.release: is missing"),
        ('release = "all"', 'release = "all"\nextra = 1', "owner.moj.extra: is unknown"),
        ("[owner.moj]", "[owner.mo]", "owner.mo.payload: is missing"),
        ("minimum_rows = 100 ", "", "minimum_rows: is missing"),
        ('age_at_sentence = "keep"', 'age_at_sentence = "band:x"', "age_at_sentence"),
    ],
)
def test_a_wrong_draft_names_its_place(old: str, new: str, message: str, folder: Path) -> None:
    with pytest.raises(InputError, match=f"draft.toml: .*{message}") as caught:
        new_agreement(draft(folder, (old, new)), now=NOW, key=secret())
    assert "--template" in caught.value.hint


def test_owners_without_tables(folder: Path) -> None:
    text = template()
    for wrong in ("owner = 5\n", ""):
        (folder / "draft.toml").write_text(wrong + text[: text.index("[owner.moj]")])
        with pytest.raises(InputError, match="owner: needs a table"):
            new_agreement(folder / "draft.toml", now=NOW, key=secret())


def test_files_that_the_draft_names_have_their_own_errors(folder: Path) -> None:
    (folder / "schema.json").write_text("{}")
    with pytest.raises(SchemaError, match=r"schema\.json"):
        new_agreement(draft(folder), now=NOW, key=secret())
    (folder / "moj.key.public").write_text("nothing")
    with pytest.raises(FormatError, match=r"moj\.key\.public"):
        new_agreement(draft(folder), now=NOW, key=secret())


def test_bytes_that_are_no_text(folder: Path) -> None:
    (folder / "draft.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        new_agreement(folder / "draft.toml", now=NOW)
    (folder / "draft.toml").write_bytes(b"x = " + b"[" * 100_000)
    with pytest.raises(InputError, match="is not TOML"):
        new_agreement(folder / "draft.toml", now=NOW)


def test_the_template_gives_the_study_what_it_counts() -> None:
    """A code that is cut is no code: with drug_1 = "truncate:2" no headline could be published."""
    demo = files("blindlink.synthetic.demo").joinpath("agreement.toml").read_text("utf-8")
    filled = demo.replace("{moj_controls}", "1").replace("{ohid_controls}", "1")
    wanted, found = (tomllib.loads(text)["owner"] for text in (filled, template()))
    for owner, terms in wanted.items():
        assert found[owner]["payload"] == terms["payload"]
