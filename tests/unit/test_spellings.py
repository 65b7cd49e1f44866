"""One reading of numbers, codes, identifiers and dates, for everybody who reads cells."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blindlink import spellings
from blindlink.mapping import Target, codes, reader

BORN = "1980-02-01"
# Spellings of one day that say by themselves what they are.
PLAIN = [
    "1980-02-01", "1980-2-1", "1980/02/01", "1980.02.01", "19800201", "01-FEB-1980", "1-Feb-1980",
    "01FEB1980", "01feb1980:00:00:00", "1 February 1980", "1st February 1980", "February 1, 1980",
    "Feb 1 1980", "1980-02-01T00:00:00Z", "1980-02-01T00:00:00+00:00", "1980-02-01 00:00:00.000",
    "1980-02-01 00:00:00+01", "01-FEB-1980 00.00.00.000000000", "1980-02-01 12:00 AM", "29252",
    "29252.0", "1980-02-01T09:30:00",
]  # fmt: skip
DAY_FIRST = ["01/02/1980", "1/2/1980", "01-02-1980", "01.02.1980", "01/02/1980 0:00", "01/02/80",
             "01/02/1980 12:00:00 AM"]  # fmt: skip


@pytest.mark.parametrize("cell", PLAIN)
def test_a_date_that_says_what_it_is_needs_no_declaration(cell: str) -> None:
    assert spellings.day(cell).text == spellings.day(cell, "day first").text == BORN


@pytest.mark.parametrize("cell", DAY_FIRST)
def test_a_date_of_three_numbers_needs_one(cell: str) -> None:
    with pytest.raises(ValueError, match="declare which"):
        spellings.day(cell)
    assert spellings.day(cell, "day first").text == BORN
    assert spellings.day(cell, "month first").text == "1980-01-02"


@given(st.dates(dt.date(1950, 1, 1), dt.date(2049, 12, 31)))
def test_every_day_comes_back_from_every_form(day: dt.date) -> None:
    months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    name = months[day.month - 1]
    forms = {
        f"{day:%Y-%m-%d}": None,
        f"{day:%Y%m%d}": None,
        f"{day:%d}-{name}-{day:%y}": None,
        f"{day:%d}{name}{day:%Y}": None,
        f"{day:%d/%m/%Y}": "day first",
        f"{day:%m/%d/%Y}": "month first",
        str((day - dt.date(1899, 12, 30)).days): "excel",
        str((day - dt.date(1960, 1, 1)).days): "sas",
    }
    for cell, form in forms.items():
        assert spellings.day(cell, form).text == day.isoformat()


def test_a_time_near_midnight_in_another_zone_is_no_date() -> None:
    with pytest.raises(ValueError, match="its day is not certain"):
        spellings.day("1980-05-31T23:00:00Z")
    assert spellings.day("1980-05-31T23:00:00").text == "1980-05-31"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("1980-02-30", "1980-02-30"),
        ("30/02/1980", "1980-02-30"),
        ("1979-02-29", "1979-02-29"),
        ("1980-13-25", "1980-00-25"),
        ("1980-13-05", "1980-00-00"),
        ("1980-02-45", "1980-02-00"),
    ],
)
def test_of_a_date_that_does_not_exist_the_parts_stay(cell: str, text: str) -> None:
    found = spellings.day(cell, "day first").text
    assert found == text
    assert not spellings.exists(found)
    assert spellings.day(found).text == text


def test_two_digits_of_a_year_are_the_last_such_year() -> None:
    assert spellings.day("19-JUL-65").text == "1965-07-19"
    assert spellings.day("19-JUL-49").text == "2049-07-19"
    assert spellings.day("19-JUL-49", latest=2015).text == "1949-07-19"
    assert spellings.day("19-JUL-65").how == "two-digit year"


NUMBERS = {
    "80.0": ("80.0", "80"), "1,095": ("1095", "1095"), ".35": ("0.35", None),
    "1.001E+03": ("1001", "1001"), "055": ("55", "55"), "2.50": ("2.50", None),
    "-.5": ("-0.5", None),
    "1,2": (None, None), "12,34": (None, None), "1e3": ("1000", "1000"), "": (None, None),
    ".": (None, None), "0x1F": (None, None), "\u0661": (None, None), "1 000": (None, None),
    "1,000,000.0": ("1000000.0", "1000000"), "inf": (None, None),
}  # fmt: skip


@pytest.mark.parametrize("cell", NUMBERS)
def test_numbers_as_programs_print_them(cell: str) -> None:
    for read, expected in zip((spellings.number, spellings.integer), NUMBERS[cell], strict=True):
        if expected is None:
            with pytest.raises(ValueError, match="is not a"):
                read(cell)
        else:
            assert read(cell) == expected
    assert spellings.number("55%", unit="%") == "55"
    assert spellings.integer("365 days", unit="days") == "365"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("1001.0", "1001"), ("1001", "1001"), ("1,001", "1001"), ("1.001E+03", "1001"),
        ("001001", "001001"), (" x1 ", "x1"), ("12E3", "12E3"), ("1.5", "1.5"), ("A-1.0", "A-1.0"),
    ],
)  # fmt: skip
def test_an_identifier_is_what_it_was_before_a_program_took_it_for_a_number(
    cell: str, text: str
) -> None:
    assert spellings.identifier(cell) == text


def test_an_identifier_that_has_lost_digits_is_refused() -> None:
    for cell in ("1E+03", "9.99E+09"):
        with pytest.raises(ValueError, match="lost digits"):
            spellings.identifier(cell)


@given(st.integers(0, 10**15))
def test_identifiers_printed_as_floats_come_back(number: int) -> None:
    for cell in (f"{number}.0", f"{number:,}", f"{float(number):.15E}" if number else "0"):
        assert spellings.identifier(cell) == str(number)


def test_words_for_nothing_are_a_stated_list() -> None:
    for cell in ("", "  ", "NULL", "NA", "nan", "NaN", "N/A", "<NA>", "\\N", " NULL "):
        assert spellings.nothing(cell)
    for cell in ("None", "0", "-", "Na", "unknown", "Null Island"):
        assert not spellings.nothing(cell)


def test_codes_are_told_apart_and_joined_by_their_number() -> None:
    known = codes({"80": "a", "07": "b", "A": "c"})
    assert [known(x) for x in ("80.0", "080", "7", "07", "a", "A ", "8")] == [
        "a", "a", "b", "b", "c", "c", None,
    ]  # fmt: skip
    apart = codes({"1": "one", "01": "other"})
    assert [apart(x) for x in ("1", "01", "1.0")] == ["one", "other", None]


def test_the_form_that_a_whole_column_has_is_found() -> None:
    assert spellings.form_of(["31/12/1980", "01/02/1980"]) == "day first"
    assert spellings.form_of(["12/31/1980", "01/02/1980"]) == "month first"
    assert spellings.form_of(["01/02/1980"]) is None
    assert spellings.form_of(["31/12/1980", "12/31/1980"]) is None


def test_a_mapped_cell_that_cannot_be_read_stays() -> None:
    read = reader(Target(name="date_of_birth", format="day first"))
    assert [read(x) for x in ("03/02/1980", "soon", "NULL", "3.2.80")] == [
        "1980-02-03", "soon", "", "1980-02-03",
    ]  # fmt: skip
    sex = reader(Target(name="sex", codes={"Man": "M", "2": "F"}))
    assert [sex(x) for x in ("man", "2.0", "x")] == ["M", "F", "x"]
