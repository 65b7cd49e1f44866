"""The housing study, played from its declaration by four parties and an output checker."""

from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from blindlink.analyst.publish.writing import ReportResult
from blindlink.analyst.study.report import report
from blindlink.files import write_text
from blindlink.frames import write_table
from blindlink.linker.model.evaluate import Evaluation
from blindlink.owner.submit import Submitted
from blindlink.progress import Progress
from blindlink.schema.profiles.making import new_schema
from blindlink.schema.study.declaration import Declaration
from blindlink.schema.study.study_file import FILE, load_study
from blindlink.synthetic.demo import parties, wording
from blindlink.synthetic.demo.folders import own_folder
from blindlink.synthetic.demo.parties import OTHERS, Party, Play
from blindlink.synthetic.demo.score import pairs_quality
from blindlink.synthetic.demo.stages import Audience, Nobody, Stage, Stagehand
from blindlink.synthetic.housing.generate import DEFAULT_PEOPLE, HousingStudy, generate

NAME = "housing-work"
STAGES = 12
HOUSING = Play(
    roles={
        "housing": ("owner", "Council (invented data)"),
        "employment": ("owner", "Employment office (invented data)"),
        **OTHERS,
    },
    tables={"housing": ("applications",), "employment": ("jobs",)},
    controls={"housing": (0.05, 100), "employment": (0.02, 100)},
    agreement=("blindlink.synthetic.housing", "agreement.toml"),
    schema=lambda columns: new_schema("names", columns)[0],
)


@dataclass(frozen=True)
class Scored:
    """The share who started a job within a year, in per cent: as published, and in truth."""

    kind: str
    applications: int
    observed: float | None
    corrected: float | None
    interval: tuple[float | None, float | None]
    true: float

    @property
    def covered(self) -> bool:
        """Whether the corrected interval holds the true share."""
        low, high = self.interval
        return low is not None and high is not None and low <= self.true <= high


@dataclass(frozen=True)
class HousingResult:
    """What the demo found. ``quality``: the links against the truth."""

    folder: Path
    people: int
    seed: int
    constants: dict[str, float]
    quality: Evaluation
    shares: tuple[Scored, ...]
    stages: tuple[Stage, ...]
    report: ReportResult

    @property
    def page(self) -> Path:
        """The report to open in a browser."""
        return self.folder / "analyst" / parties.REPORT / "report.html"

    def document(self) -> dict[str, Any]:
        """The result as JSON values: the same for the same seed."""
        return {
            "people": self.people,
            "seed": self.seed,
            "constants": self.constants,
            "linkage": asdict(self.quality),
            "started": [asdict(each) for each in self.shares],
        }


def demo(
    out: Path,
    *,
    people: int | None = None,
    seed: int = 1,
    audience: Audience | None = None,
    force: bool = False,
) -> HousingResult:
    """Play the study into the folder ``out``; the same people and seed give the same tables.

    Raises OutputError when ``out`` holds anything and is not an earlier demo to be replaced.
    """
    hand = Stagehand(audience or Nobody(), STAGES)
    with own_folder(out, force=force) as draft:
        result = _play(draft, people or DEFAULT_PEOPLE, seed, hand)
    return replace(result, folder=out)


def _play(folder: Path, people: int, seed: int, hand: Stagehand) -> HousingResult:
    made = hand.play("the demo", "invents the study", lambda _: _write(folder, people, seed), _told)
    cast = hand.play(
        "everybody", "makes keys", lambda _: _keys(folder, seed),
        lambda cast: wording.keyed([party.keys.public for party in cast.values()]),
    )  # fmt: skip
    hand.play("everybody", "signs the agreement", lambda _: parties.draw_up(cast), wording.agreed)
    hand.play(
        "housing", "shares the linkage secret", lambda _: parties.share_secret(cast),
        wording.shared,
    )  # fmt: skip
    housing, employment, linker, analyst, checker = cast.values()
    sent = [_submit(owner, linker, hand) for owner in (housing, employment)]
    released = hand.play(
        "linker", "links and releases", lambda progress: parties.link(linker, analyst, progress),
        wording.released,
    )  # fmt: skip
    hand.play(
        "analyst", "opens the cohort", lambda progress: parties.open_cohort(analyst, progress),
        lambda cohort: wording.opened(cohort, "housing"),
    )  # fmt: skip
    written = hand.play(
        "analyst", "analyses and writes the report", lambda progress: _report(analyst, progress),
        wording.gated,
    )  # fmt: skip
    hand.play(
        "checker", "checks the report and signs it",
        lambda _: parties.check_output(analyst, checker), wording.checked,
    )  # fmt: skip
    hand.play("analyst", "publishes", lambda _: parties.publish(analyst), wording.published)
    truth = made.tables["truth/people"].to_pandas()
    partner = truth[truth["employment"] != ""].set_index("employment")["housing"]
    quality = hand.play(
        "the demo", "compares with the truth",
        lambda _: pairs_quality(released.matches, sent[0], sent[1], partner), wording.scored,
    )  # fmt: skip
    return HousingResult(
        folder, people, seed, made.constants, quality, scored(written, made),
        tuple(hand.stages), written,
    )  # fmt: skip


def declaration() -> Declaration:
    """The study as it is declared, marked as one of invented people."""
    with resources.as_file(resources.files("blindlink.studies.housing_work") / FILE) as path:
        study = load_study(path)
    told = study.report.model_copy(update={"synthetic": True})
    return study.model_copy(update={"report": told, "publisher": "blindlink demo"})


def scored(published: ReportResult, made: HousingStudy) -> tuple[Scored, ...]:
    """The published shares of the first window beside the true ones, of the same applications."""
    truth = made.tables["truth/applications"].to_pandas()
    truth = truth[truth["observed"] & truth["followed"]]
    table = published.table("started")
    rows = []
    for kind in ("homeless", "medical", "All"):
        own = truth if kind == "All" else truth[truth[kind] == "yes"]
        row = table.row(kind=kind, window="365 days") if table else None
        share, middle, low, high = (
            table.value(row, name) if table else None
            for name in ("share", "corrected", "corrected_low", "corrected_high")
        )
        true = 100 * float(own["within"].mean())
        rows.append(Scored(kind, len(own), share, middle, (low, high), true))
    return tuple(rows)


def _write(folder: Path, people: int, seed: int) -> HousingStudy:
    made = generate(people, seed=seed)
    for name, table in made.tables.items():
        path = folder / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        write_table(table, path)
    text = resources.files("blindlink.studies.housing_work").joinpath(FILE).read_text("utf-8")
    (folder / "analyst").mkdir()
    write_text(folder / "analyst" / FILE, text)
    return made


def _told(made: HousingStudy) -> list[str]:
    rows = {name: table.num_rows for name, table in made.tables.items()}
    return [
        f"housing: {rows['housing/applications']:,} applications of "
        f"{rows['housing/identities']:,} people",
        f"employment: {rows['employment/jobs']:,} jobs of {rows['employment/identities']:,} people",
        "truth: who is whom and who truly started a job; no party has it",
    ]


def _keys(folder: Path, seed: int) -> dict[str, Party]:
    cast = {name: parties.make_party(name, folder, seed, HOUSING) for name in HOUSING.roles}
    parties.exchange_public(cast)
    return cast


def _submit(owner: Party, linker: Party, hand: Stagehand) -> Submitted:
    def work(progress: Progress) -> Submitted:
        done = parties.make_submission(owner, progress, assessed=True)
        owner.hand(f"{owner.name}.submission", linker)
        return done

    return hand.play(owner.name, "encodes, seals and submits", work, wording.submitted)


def _report(analyst: Party, progress: Progress) -> ReportResult:
    return report(
        declaration(), analyst.path(parties.COHORT), analyst.path(parties.REPORT),
        now=parties.NOW, progress=progress,
    )  # fmt: skip
