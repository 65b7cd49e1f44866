"""The public Python interface: light, typed, documented name by name, and typed in its errors."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import blindlink as bl
from blindlink.api import linking, schema, study
from blindlink.errors import BlindlinkError, InputError, MissingExtraError, SchemaError
from blindlink.linker.files import link_files
from blindlink.messages.linkage_report import LinkageReport
from blindlink.messages.plan import Plan as AgreedPlan
from blindlink.schema.profiles.making import PEOPLE

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference" / "python-api.md").read_text()
PUBLIC = [name for name in bl.__all__ if name != "__version__"]
KEY = bl.LinkageKey(bytes(range(32)))

NAMES = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Tony", "Frances", "John"]
LAST = ["Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Perlman", "Hoare", "Allen"]
PEOPLE_FRAME = pd.DataFrame(
    {
        "record_id": [f"r{n}" for n in range(60)],
        "forename": [NAMES[n % 10] for n in range(60)],
        "surname": [LAST[n % 9] for n in range(60)],
        "date_of_birth": [f"19{50 + n % 40}-0{1 + n % 9}-1{n % 7}" for n in range(60)],
        "sex": ["F" if n % 3 else "M" for n in range(60)],
        "postcode": [f"AB{n % 20} {n % 9}CD" for n in range(60)],
    }
)
SCHEMA = bl.Schema.for_columns("names", PEOPLE_FRAME, people=5_000)
CANARY = "Zaphodine"


def in_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestNames:
    def test_all_is_sorted_and_can_be_imported(self) -> None:
        assert list(bl.__all__) == sorted(bl.__all__)
        for name in bl.__all__:
            assert getattr(bl, name) is not None
        assert set(bl.__all__) <= set(dir(bl))

    def test_all_is_what_type_checkers_see(self) -> None:
        """The imports under TYPE_CHECKING name each public name, from the module that has it."""
        tree = ast.parse(Path(str(bl.__file__)).read_text())
        block = next(node for node in tree.body if isinstance(node, ast.If))
        seen = {}
        for node in block.body:
            assert isinstance(node, ast.ImportFrom)
            for alias in node.names:
                assert alias.asname == alias.name
                seen[alias.name] = node.module
        assert sorted(seen) == sorted(bl.__all__)
        for name, home in bl._HOMES.items():
            own = home.rpartition(".")[2] == name
            module = home.rpartition(".")[0] if own else home
            assert seen[name] == ("blindlink." + module).removesuffix("."), name

    def test_all_is_the_reference_page(self) -> None:
        shown = re.findall(r"^::: blindlink\.(\w+)$", PAGE, re.MULTILINE)
        assert sorted(shown) == sorted(PUBLIC)

    @pytest.mark.parametrize("name", PUBLIC)
    def test_each_name_has_an_example_and_a_docstring(self, name: str) -> None:
        """Below its heading or in a session of its section; the docs test runs all sessions."""
        section = PAGE.split(f"::: blindlink.{name}\n", 1)[1]
        assert re.search(r"^```pycon\n>>> ", section.split("\n## ")[0], re.MULTILINE)
        assert inspect.getdoc(getattr(bl, name))
        used = "|".join([rf"bl\.{name}\b", rf"<{name} ", r"\bstudy\b" if name == "study" else "$^"])
        assert re.search(used, section) or name in ("Encodings",)

    @pytest.mark.parametrize("name", study.__all__)
    def test_each_step_of_a_study_is_in_the_session(self, name: str) -> None:
        assert inspect.getdoc(getattr(study, name))
        if inspect.isfunction(getattr(study, name)):
            assert f"bl.study.{name}(" in PAGE

    def test_no_other_name(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = bl.nothing  # type: ignore[attr-defined]

    def test_every_signature_is_typed(self) -> None:
        for name in PUBLIC:
            value = getattr(bl, name)
            if inspect.isfunction(value):
                hints = set(inspect.signature(value).parameters) - set(value.__annotations__)
                assert not hints, name

    def test_steps_have_the_words_of_the_command_line(self) -> None:
        from blindlink.cli.agreement import agreement
        from blindlink.cli.analyst import analyst
        from blindlink.cli.keygen import keygen
        from blindlink.cli.linker import linker
        from blindlink.cli.owner import owner

        commands = {"keygen": keygen, **owner.commands, **linker.commands, **analyst.commands}
        commands |= agreement.commands  # 'check' is that of the agreement
        steps = {name for name in study.__all__ if inspect.isfunction(getattr(study, name))}
        renamed = {"agreement": "new", "template": "new"}
        for step in steps:
            command = commands[renamed.get(step, step.replace("_", "-"))]
            arguments = {param.name for param in command.params}
            taken = set(inspect.signature(getattr(study, step)).parameters)
            same = {"agreement": "agreement_file", "settings": "settings_file"}
            same |= {"policy": "policy_file"}
            for name in taken - {"progress"}:
                assert {name, same.get(name, name)} & arguments, (step, name)


class TestLightness:
    def test_import_loads_no_library_and_hardly_a_module(self) -> None:
        code = (
            "import importlib, typing, sys; before = set(sys.modules)\n"
            "import blindlink\n"
            "print(*sorted(set(sys.modules) - before))"
        )
        assert in_process(code) == "blindlink"

    def test_a_name_loads_no_library_of_a_party(self) -> None:
        code = (
            "import sys, blindlink as bl\n"
            "bl.Schema, bl.LinkageKey, bl.Plan, bl.study, bl.errors\n"
            "heavy = {'pandas', 'numba', 'scipy', 'matplotlib', 'jinja2', 'click', 'rich'}\n"
            "print(*sorted(heavy & set(sys.modules)))"
        )
        assert in_process(code) == ""

    @pytest.mark.parametrize(
        ("missing", "call", "extra"),
        [
            ("scipy", "bl.assess({}, None)", "owner"),
            ("scipy", "bl.link(1, 2)", "linker"),
            ("pandas", "bl.study.cohort('x', agreement='x', keys='x', out='x')", "analyst"),
            ("polars", "bl.api.tables.Tabular().to_polars()", "polars"),
            ("pandas", "bl.api.tables.Tabular().to_pandas()", "owner"),
        ],
    )
    def test_a_missing_library_is_named_with_its_extra(
        self, missing: str, call: str, extra: str
    ) -> None:
        code = (
            f"import sys; sys.modules[{missing!r}] = None\n"
            "import blindlink as bl, blindlink.api.tables\n"
            f"try: {call}\n"
            "except bl.errors.BlindlinkError as error:\n"
            "    print(error.exit_code, error.message, '|', error.hint)"
        )
        hint = f"install it with: pip install 'blindlink[{extra}]'"
        assert in_process(code) == f"21 {missing} is not installed | {hint}"


def as_kind(kind: str, frame: pd.DataFrame) -> Any:
    if kind == "polars":
        return pl.from_pandas(frame)
    if kind == "stream":
        return pa.Table.from_pandas(frame).to_reader()
    return pa.Table.from_pandas(frame) if kind == "arrow" else frame


class TestTables:
    @pytest.mark.parametrize(
        ("kind", "out"),
        [
            ("pandas", pd.DataFrame),
            ("polars", pl.DataFrame),
            ("arrow", pa.Table),
            ("stream", pa.Table),
        ],
    )
    def test_the_kind_that_goes_in_comes_out(self, kind: str, out: type) -> None:
        a = bl.encode(as_kind(kind, PEOPLE_FRAME), SCHEMA, KEY)
        b = bl.encode(as_kind("arrow", PEOPLE_FRAME[::-1]), SCHEMA, KEY)
        links = bl.link(a, b, threshold=0.99)
        assert isinstance(links.to_frame(), out)
        assert isinstance(bl.join(a, b, threshold=0.99).to_frame(), out)
        assert links.to_arrow()["left_id"].to_pylist() == links.to_arrow()["right_id"].to_pylist()
        assert len(links) == 60

    def test_the_bits_do_not_depend_on_the_kind(self) -> None:
        tables = [
            bl.encode(as_kind(kind, PEOPLE_FRAME), SCHEMA, KEY).to_arrow()
            for kind in ("pandas", "polars", "arrow", "stream")
        ]
        assert all(table.equals(tables[0]) for table in tables)

    def test_duckdb_in_and_out(self) -> None:
        import duckdb

        people = PEOPLE_FRAME  # noqa: F841 -- DuckDB reads it by its name
        a = bl.encode(duckdb.sql("SELECT * FROM people"), SCHEMA, KEY)
        links = bl.link(a, a, threshold=0.99)  # noqa: F841
        assert duckdb.sql("SELECT count(*) FROM links").fetchall() == [(60,)]

    def test_a_file_is_a_table_too(self, tmp_path: Path) -> None:
        path = tmp_path / "people.csv"
        PEOPLE_FRAME.to_csv(path, index=False)
        a = bl.encode(path, SCHEMA, KEY)
        assert a.to_arrow().equals(bl.encode(PEOPLE_FRAME, SCHEMA, KEY).to_arrow())
        assert bl.Schema.for_columns("names", path, people=5_000) == SCHEMA

    def test_other_names_are_mapped(self) -> None:
        foreign = PEOPLE_FRAME.rename(columns={"date_of_birth": "DOB", "record_id": "case"})
        a = bl.encode(foreign, SCHEMA, KEY, columns={"DOB": "date_of_birth"}, record_id="case")
        assert a.to_arrow().equals(bl.encode(PEOPLE_FRAME, SCHEMA, KEY).to_arrow())
        assert a.ids is not None
        assert a.ids.to_pylist()[:2] == ["r0", "r1"]
        mapped = bl.Schema.for_columns(
            "names", foreign, columns={"DOB": "date_of_birth"}, people=5_000
        )
        assert mapped == SCHEMA
        assert mapped.ignored == ("case",)

    def test_a_mapping_says_how_cells_are_spelled(self) -> None:
        days = pd.to_datetime(PEOPLE_FRAME["date_of_birth"]).dt.strftime("%d/%m/%Y")
        words = PEOPLE_FRAME["sex"].replace({"F": "Woman", "M": "Man"})
        foreign = PEOPLE_FRAME.assign(DOB=days, Gender=words)
        foreign = foreign.drop(columns=["date_of_birth", "sex"])
        columns = {
            "DOB": {"name": "date_of_birth", "format": "day first"},
            "Gender": {"name": "sex", "codes": {"Woman": "F", "Man": "M"}},
        }
        a = bl.encode(foreign, SCHEMA, KEY, columns=columns)
        assert a.to_arrow().equals(bl.encode(PEOPLE_FRAME, SCHEMA, KEY).to_arrow())
        wrong = {"DOB": {"name": "date_of_birth", "format": "sideways"}}
        with pytest.raises(InputError, match="must be one of"):
            bl.encode(foreign, SCHEMA, KEY, columns=wrong)

    def test_record_ids_stay_in_the_process(self, tmp_path: Path) -> None:
        a = bl.encode(PEOPLE_FRAME, SCHEMA, KEY)
        a.save(tmp_path / "a.parquet")
        loaded = bl.Encodings.load(tmp_path / "a.parquet")
        assert loaded.ids is None
        assert b"r59" not in (tmp_path / "a.parquet").read_bytes()
        assert "r59" not in str(loaded.to_arrow().to_pydict())
        named = loaded.with_ids(PEOPLE_FRAME["record_id"])
        links = bl.link(named, loaded, threshold=0.99)
        assert links.to_arrow().column_names[2] == "left_id"
        assert "right_id" not in links.to_arrow().column_names
        both = links.with_ids(right=PEOPLE_FRAME["record_id"]).to_arrow()
        assert both["left_id"].to_pylist() == both["right_id"].to_pylist()

    def test_links_are_those_of_the_command(self, tmp_path: Path) -> None:
        """The same rows, scores and report as from file to file, in the same order."""
        a = bl.encode(PEOPLE_FRAME, SCHEMA, KEY)
        b = bl.encode(PEOPLE_FRAME[:40][::-1], SCHEMA, KEY)
        a.save(tmp_path / "a.parquet")
        b.save(tmp_path / "b.parquet")
        out = tmp_path / "links.parquet"
        report = link_files(
            tmp_path / "a.parquet", tmp_path / "b.parquet", out, options={"threshold": "0.7"}
        )
        links = bl.link(a, b, threshold=0.7)
        names = ["left", "right", "score", "probability"]
        assert links.to_arrow().select(names).equals(pa.parquet.read_table(out))
        assert LinkageReport.model_validate(links.report.model_dump()) == report

    def test_join_within_one_set_gives_each_pair_once(self) -> None:
        twice = pd.concat([PEOPLE_FRAME[:20], PEOPLE_FRAME[:20].assign(record_id=range(20))])
        a = bl.encode(twice.astype(str), SCHEMA, KEY)
        pairs = bl.join(a, threshold=1.0).to_pandas()
        assert sorted(zip(pairs["left"], pairs["right"], strict=True)) == [
            (n, n + 20) for n in range(20)
        ]
        assert len(bl.join(a, threshold=1.0, top=1, engine="reference")) == 20

    def test_links_bring_their_candidates_to_estimates(self) -> None:
        a = bl.encode(PEOPLE_FRAME, SCHEMA, KEY)
        links = bl.link(a, a, threshold=0.9)
        linked = bl.LinkedData(PEOPLE_FRAME, PEOPLE_FRAME.assign(yes=1), links)
        assert len(linked) == len(links)
        assert len(linked._linked.candidates) == len(links.candidates)
        assert bl.share(linked, "yes").to_frame()["observed"].tolist() == [1]

    def test_evaluate_counts_what_is_right(self) -> None:
        left = PEOPLE_FRAME.assign(person=range(60))
        right = PEOPLE_FRAME.assign(who=range(60))
        links = pd.DataFrame({"left": [0, 1, 2, 3], "right": [0, 1, 2, 4]})
        quality = bl.evaluate(links, left, right, key=("person", "who"))
        assert (quality.links, quality.true_links, quality.true_pairs) == (4, 3, 60)
        assert quality.precision.value == 0.75
        assert "precision 0.7500" in repr(quality)

    def test_risk_is_a_table_and_a_page(self, tmp_path: Path) -> None:
        a = bl.encode(PEOPLE_FRAME, SCHEMA, KEY)
        risk = bl.assess(PEOPLE_FRAME, a, graph_rows=50)
        assert isinstance(risk.to_frame(), pd.DataFrame)
        assert set(risk.to_frame()["light"]) <= {"green", "amber", "red", "none"}
        risk.save(tmp_path / "risk.html")
        assert "<html" in (tmp_path / "risk.html").read_text()
        assert "sandbox" in risk._repr_html_()


class TestSummaries:
    def test_nothing_prints_an_array_or_a_secret(self) -> None:
        a = bl.encode(PEOPLE_FRAME, SCHEMA, KEY)
        links = bl.link(a, a, threshold=0.9)
        risk = bl.assess(PEOPLE_FRAME, a, graph_rows=50)
        found = bl.evaluate(links, PEOPLE_FRAME, PEOPLE_FRAME, "record_id")
        results = (found, bl.join(a, threshold=0.9))
        shown = [
            repr(value)
            for value in (*results, SCHEMA, a, links, links.candidates, links.report, risk, KEY)
        ]
        for text in shown:
            assert text.startswith("<")
            assert len(text) < 400
            assert "array(" not in text
            assert KEY.secret.hex() not in text
            for name in (*NAMES, *LAST):
                assert name not in text

    def test_bad_cells_that_count_as_missing_are_told(self) -> None:
        spoilt = PEOPLE_FRAME.assign(date_of_birth="19x0-02-30")
        with pytest.raises(InputError, match="date_of_birth"):
            bl.encode(spoilt, SCHEMA, KEY)
        a = bl.encode(spoilt, SCHEMA, KEY, bad_cells="missing")
        assert a.bad_cells["date_of_birth"] > 0
        assert "bad cells in date_of_birth" in repr(a)

    def test_the_report_is_a_page_in_a_frame_of_its_own(self, tmp_path: Path) -> None:
        a = bl.encode(PEOPLE_FRAME, SCHEMA, KEY)
        report = bl.link(a, a, threshold=0.9).report
        html = report._repr_html_()
        assert html.startswith("<iframe srcdoc=")
        assert "<" not in html.removeprefix("<iframe").removesuffix("></iframe>")
        report.save(tmp_path / "r.json")
        assert LinkageReport.model_validate_json((tmp_path / "r.json").read_bytes())


NO_TABLE = pd.DataFrame({"DOB": [CANARY], "Surname": [CANARY]})
MIXED = pd.DataFrame({"date_of_birth": [1, CANARY, 2.5]})


class TestErrors:
    @pytest.mark.parametrize(
        ("call", "error", "says"),
        [
            (lambda a: bl.encode(NO_TABLE, SCHEMA, KEY), InputError, "it has DOB, Surname"),
            (
                lambda a: bl.encode(PEOPLE_FRAME, SCHEMA, KEY, columns={"Dob": "date_of_birth"}),
                InputError,
                "has no column Dob; it has record_id, forename",
            ),
            (
                lambda a: bl.encode(
                    PEOPLE_FRAME, SCHEMA, KEY, columns={"forename": "date_of_birth"}
                ),
                InputError,
                "several columns for date_of_birth",
            ),
            (lambda a: bl.encode(MIXED, SCHEMA, KEY), InputError, "column 1 of the table"),
            (lambda a: bl.encode({CANARY: 1}, SCHEMA, KEY), InputError, "is a dict, not a table"),
            (lambda a: bl.encode(PEOPLE_FRAME, CANARY, KEY), InputError, "schema is a str"),
            (lambda a: bl.Schema.for_columns("names", NO_TABLE), SchemaError, "DOB, Surname"),
            (lambda a: bl.Schema.for_columns("names"), InputError, "no source of columns"),
            (lambda a: bl.Schema.for_columns("names", [1, 2]), InputError, "not of names"),
            (
                lambda a: bl.Schema.for_columns("names", NO_TABLE, columns={"x": "sex"}),
                InputError,
                "no source has a column x",
            ),
            (lambda a: bl.link(PEOPLE_FRAME, a), InputError, "left is a DataFrame"),
            (lambda a: bl.link(a, None), InputError, "right is a NoneType"),
            (lambda a: bl.link(a, a, bl.Plan(), threshold=0.8), InputError, "not both"),
            (lambda a: bl.link(a, a, threshold=1.5), InputError, "threshold"),
            (lambda a: bl.Plan(target="best"), InputError, "target"),
            (lambda a: bl.Plan(nonsense=1), InputError, "nonsense"),
            (lambda a: bl.join(a, threshold=0.5, filter_number=3), InputError, "no filter 3"),
            (lambda a: bl.join(a, a, threshold=0.9, limit=5), InputError, "more than 5 pairs"),
            (lambda a: bl.join(a, threshold=0.5, engine="x"), InputError, "no engine"),
            (lambda a: a.with_ids([1, 2]), InputError, "2 record ids do not fit 60"),
            (lambda a: bl.assess(PEOPLE_FRAME[:3], a), InputError, "fewer than were encoded"),
            (
                lambda a: bl.evaluate(PEOPLE_FRAME, PEOPLE_FRAME, PEOPLE_FRAME, "record_id"),
                InputError,
                "links has no column left",
            ),
            (
                lambda a: bl.evaluate(bl.link(a, a, threshold=0.9), PEOPLE_FRAME, NO_TABLE, "sex"),
                InputError,
                "right has no column sex; it has DOB, Surname",
            ),
        ],
    )
    def test_a_mistake_is_explained_and_no_value_shown(
        self, call: Callable[[bl.Encodings], object], error: type[BlindlinkError], says: str
    ) -> None:
        with pytest.raises(error) as caught:
            call(bl.encode(PEOPLE_FRAME, SCHEMA, KEY))
        assert says in caught.value.message
        assert CANARY not in caught.value.message + caught.value.hint
        assert caught.value.hint

    def test_encodings_of_another_key_are_refused(self) -> None:
        a = bl.encode(PEOPLE_FRAME, SCHEMA, KEY)
        b = bl.encode(PEOPLE_FRAME, SCHEMA, bl.LinkageKey(bytes(32)))
        with pytest.raises(bl.errors.KeyFileError):
            bl.link(a, b)

    def test_a_step_without_a_passphrase_says_how_to_give_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("BLINDLINK_PASSPHRASE_FILE", raising=False)
        with pytest.raises(bl.errors.KeyFileError) as caught:
            bl.study.keygen("moj", "owner", tmp_path / "moj.key")
        assert "passphrase_file=" in caught.value.hint
        assert not list(tmp_path.iterdir())


class TestPlan:
    def test_numbers_are_written_as_an_agreement_has_them(self) -> None:
        plan = bl.Plan(threshold=0.8, candidate_floor=0.00001, methods=["clk", "probabilistic"])
        assert isinstance(plan, AgreedPlan)
        assert (plan.threshold, plan.candidate_floor) == ("0.8", "0.00001")
        assert (
            plan.model_dump()
            == AgreedPlan.model_validate(
                {
                    "threshold": "0.8",
                    "candidate_floor": "0.00001",
                    "methods": ["clk", "probabilistic"],
                }
            ).model_dump()
        )

    def test_every_field_of_a_plan_can_be_given(self) -> None:
        assert set(get_type_hints(linking.PlanOptions)) == set(AgreedPlan.model_fields)

    def test_levels_are_numbers_or_texts(self) -> None:
        plan = bl.Plan(methods=("probabilistic",), levels=[[0.4, "0.7"]])
        assert plan.levels == (("0.4", "0.7"),)


def test_defaults_are_those_of_the_rooms_below() -> None:
    """A default stands in a signature so that people can read it, and must not drift."""
    from blindlink.cli.analyst import SEED
    from blindlink.linker.join.engines import LIMIT
    from blindlink.owner.risk.run import GRAPH_ROWS

    def default(function: Callable[..., object], name: str) -> object:
        return inspect.signature(function).parameters[name].default

    assert default(bl.Schema.for_columns, "people") == PEOPLE
    assert default(bl.assess, "graph_rows") == GRAPH_ROWS
    assert default(bl.study.report, "seed") == SEED
    assert default(bl.join, "limit") == LIMIT
    assert schema.STANDARD[0] == "record_id"
    assert MissingExtraError("x", "y").exit_code == 21
