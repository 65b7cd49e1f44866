"""The demo: the whole study by four parties and an output checker, compared with the truth."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from blindlink.files import write_text
from blindlink.linker.model.evaluate import Evaluation
from blindlink.messages.linkage_report import LinkageReport
from blindlink.owner.submit import Submitted
from blindlink.progress import Progress
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.synthetic.demo import parties, wording
from blindlink.synthetic.demo.carriers import ByFiles, Carrier
from blindlink.synthetic.demo.folders import own_folder
from blindlink.synthetic.demo.parties import Party
from blindlink.synthetic.demo.score import Headline, against_publication, headline, linkage_quality
from blindlink.synthetic.demo.stages import Audience, Nobody, Stage, Stagehand
from blindlink.synthetic.generator.generate import Study, generate, write
from blindlink.synthetic.generator.parameters import DEFAULT_PEOPLE, scaled

RESULT, TARGETS = "score.json", "targets.csv"
STAGES = 12
STAGE, EVERYBODY = "the demo", "everybody"
SETTINGS = Settings(
    title="Pathways between probation and addiction treatment: demo on synthetic data",
    publisher="blindlink demo",
    contact="nobody: every person in these data is invented",
)


@dataclass(frozen=True)
class DemoResult:
    """What the demo found. ``expected`` is what the linker could say without any truth;
    ``targets`` the publication's figures beside the study's, as CSV."""

    folder: Path
    people: int
    seed: int
    quality: Evaluation
    expected: LinkageReport
    headline: tuple[Headline, ...]
    stages: tuple[Stage, ...]
    targets: str

    @property
    def page(self) -> Path:
        """The report to open in a browser."""
        return self.folder / "analyst" / parties.REPORT / "report.html"

    @property
    def seconds(self) -> float:
        """The time of all stages."""
        return sum(stage.seconds for stage in self.stages)

    def document(self) -> dict[str, Any]:
        """The result as JSON values, without timings and paths: the same for the same seed."""
        report = self.expected
        return {
            "people": self.people,
            "seed": self.seed,
            "linkage": {
                "threshold": report.threshold,
                "true": asdict(self.quality),
                "expected": {
                    "precision": report.precision.model_dump() if report.precision else None,
                    "sensitivity": report.sensitivity.model_dump() if report.sensitivity else None,
                },
            },
            "engagement": [asdict(row) for row in self.headline],
        }


def demo(
    out: Path,
    *,
    people: int | None = None,
    seed: int = 1,
    audience: Audience | None = None,
    force: bool = False,
    settings: Settings = SETTINGS,
    carrier: Carrier | None = None,
) -> DemoResult:
    """Play the study with ``people`` treatment persons into the folder ``out``.

    ``seed`` draws the study, every id and secret in it, and the statistics: the same people and
    seed give the same tables in ``out/analyst/report/tables``, byte for byte. Raises OutputError
    when ``out`` holds anything and is not an earlier demo to be replaced with ``force``, InputError
    for a number of people that makes no study. The ``carrier`` changes nothing in the result.
    """
    hand = Stagehand(audience or Nobody(), STAGES)
    with own_folder(out, force=force) as draft:
        result = _play(draft, people or DEFAULT_PEOPLE, seed, settings, hand, carrier or ByFiles())
        text = json.dumps(result.document(), indent=2) + "\n"
        write_text(draft / "truth" / RESULT, text)
        write_text(draft / "truth" / TARGETS, result.targets)
    return replace(result, folder=out)


def _play(
    folder: Path, people: int, seed: int, settings: Settings, hand: Stagehand, carrier: Carrier
) -> DemoResult:
    study = hand.play(
        STAGE,
        "invents the study",
        lambda progress: _study(folder, people, seed, progress),
        wording.made,
    )
    cast = _prepare(folder, seed, hand)
    moj, ohid, linker, analyst, checker = cast.values()
    with carrier.opened(cast):
        sent = (_submit(moj, linker, hand, carrier), _submit(ohid, linker, hand, carrier))
        released = hand.play(
            "linker",
            "links and releases",
            lambda progress: carrier.link(linker, analyst, progress),
            wording.released,
        )
    hand.play(
        "analyst",
        "opens the cohort",
        lambda progress: parties.open_cohort(analyst, progress),
        lambda cohort: wording.opened(cohort, "moj"),
    )
    report = hand.play(
        "analyst",
        "analyses and writes the report",
        lambda progress: parties.analyse(analyst, settings, seed, progress),
        wording.gated,
    )
    hand.play(
        "checker",
        "checks the report and signs it",
        lambda _: parties.check_output(analyst, checker),
        wording.checked,
    )
    hand.play("analyst", "publishes", lambda _: parties.publish(analyst), wording.published)
    quality = hand.play(
        STAGE,
        "compares with the truth",
        lambda _: linkage_quality(released.matches, *sent, study.tables["truth/people"]),
        wording.scored,
    )
    rows = headline(report, study.tables["truth/engagement"])
    targets = against_publication(report, study)
    return DemoResult(
        folder, people, seed, quality, released.report, tuple(rows), tuple(hand.stages), targets
    )


def _study(folder: Path, people: int, seed: int, progress: Progress) -> Study:
    study = generate(scaled(people), seed=seed, progress=progress)
    write(study, folder)
    return study


def _submit(owner: Party, linker: Party, hand: Stagehand, carrier: Carrier) -> Submitted:
    def work(progress: Progress) -> Submitted:
        submitted = parties.make_submission(owner, progress, assessed=True)
        carrier.submit(owner, linker, progress)
        return submitted

    return hand.play(owner.name, "encodes, seals and submits", work, wording.submitted)


def _prepare(folder: Path, seed: int, hand: Stagehand) -> dict[str, Party]:
    """Keys, agreement and linkage secret."""

    def keys(_: Progress) -> dict[str, Party]:
        cast = {name: parties.make_party(name, folder, seed) for name in parties.PROBATION.roles}
        parties.exchange_public(cast)
        return cast

    def told(cast: dict[str, Party]) -> list[str]:
        return wording.keyed([party.keys.public for party in cast.values()])

    cast = hand.play(EVERYBODY, "makes keys", keys, told)
    hand.play(EVERYBODY, "signs the agreement", lambda _: parties.draw_up(cast), wording.agreed)
    hand.play(
        "moj", "shares the linkage secret", lambda _: parties.share_secret(cast), wording.shared
    )
    return cast
