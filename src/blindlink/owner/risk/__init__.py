"""The disclosure-risk report: what an owner reads before an encoding leaves the house.

``checked`` is what a submission calls, ``assess`` what the command line calls. The metrics stand in
``catalogue``, one file each under ``measures``.
"""

from blindlink.owner.risk.report import Light, Metric, RiskReport
from blindlink.owner.risk.run import assess, checked
from blindlink.owner.risk.waiver import Waiver, read_waiver

__all__ = [
    "Light",
    "Metric",
    "RiskReport",
    "Waiver",
    "assess",
    "checked",
    "read_waiver",
]
