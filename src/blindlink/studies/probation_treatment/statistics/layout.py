"""What the tables of the study share: the label of their rows."""

from blindlink.analyst.publish.tables import TOTAL
from blindlink.studies.probation_treatment.pathways import Pathways

REQUIREMENT = "Alcohol (ATR) or drug rehabilitation (DRR) treatment requirement"


def kinds(pathways: Pathways) -> list[str]:
    """The requirements and All, in order."""
    return [*pathways.settings.definitions.requirements, TOTAL]
