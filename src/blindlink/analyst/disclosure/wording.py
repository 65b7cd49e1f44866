"""Small counts in words: a note such as "3 people without a date" discloses as a table does."""

import re

from blindlink.analyst.disclosure.policy import Policy

UNITS = (
    "people|persons?|requirements?|sentences?|orders?|journeys?|episodes?|records?|rows?|links?|forms?"
    "|deaths?|clients?|entit(?:y|ies)|events?|pairs?|offenders?|cases?|candidates?|controls?"
)
_COUNT = re.compile(rf"(?<![\w.,-])(\d{{1,3}}(?:,\d{{3}})+|\d+)(\s+(?:\w+\s+)?)({UNITS})\b")


def check_text(text: str, policy: Policy) -> str:
    """The text with small numbers of units replaced, and others rounded as the policy says."""

    def replace(match: re.Match[str]) -> str:
        count = int(match[1].replace(",", ""))
        if 0 < count < policy.threshold:
            return f"fewer than {policy.threshold}{match[2]}{match[3]}"
        if policy.changes:
            base = policy.base
            count = base * ((2 * count + base) // (2 * base))
            return f"{count:,}{match[2]}{match[3]}"
        return match[0]

    return _COUNT.sub(replace, text)
