"""Every error that blindlink raises on purpose.

    BlindlinkError                 1
    ├── InputError                10  a table cannot be read or breaks its contract
    ├── SchemaError               11  a linkage schema is wrong, or does not fit the data
    ├── KeyFileError              12  a key is missing, exposed, wrong or of another purpose
    ├── OutputError               13  the result cannot be written where it was asked for
    ├── FormatError               14  a blindlink file is malformed
    ├── VerificationError         15  a signature, digest, proof or ciphertext does not verify
    ├── AgreementError            16  the agreement is unsigned, expired, altered or another one
    ├── RefusedError              17  the agreement or its policy does not allow this
    ├── SeparationError           18  scores do not separate matches from non-matches
    ├── RiskError                 19  the disclosure-risk report is red
    ├── DisclosureError           20  the disclosure gate blocks an output
    ├── MissingExtraError         21  an optional dependency is not installed
    ├── SelfCheckError            22  this machine does not give the expected results
    ├── ServiceError              23  the linkage service refused or cannot be reached
    ├── StudyError                24  the declaration of a study is wrong
    └── MisfitError               25  an agreement or a cohort lacks what a study needs

The number is the exit code of the command line: a job in a secure room can be diagnosed by it
without its logs. A message names a place (file, field, row), never a value of a person, a key or a
secret. ``hint`` says what to do.
"""

from typing import ClassVar


class BlindlinkError(Exception):
    """Root of all errors of blindlink.

    ``message`` says what went wrong and where, ``hint`` (instance or class) what to do about it.
    """

    exit_code: ClassVar[int] = 1
    hint: str = "see 'blindlink --help'"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint


class InputError(BlindlinkError):
    """A table cannot be read, or breaks the contract of its columns."""

    exit_code = 10
    hint = "correct the input file; the row numbers count data rows from 1, without the header"


class SchemaError(BlindlinkError):
    """A linkage schema is wrong, or does not fit the data it is used with."""

    exit_code = 11
    hint = "check the schema with 'blindlink schema check'"


class KeyFileError(BlindlinkError):
    """A key file is missing, exposed, malformed, or of another purpose."""

    exit_code = 12
    hint = "make keys with 'blindlink keygen'; keep key files readable by their owner only"


class OutputError(BlindlinkError):
    """The result cannot be written where it was asked for. Nothing was written."""

    exit_code = 13
    hint = "choose another output path, or say --force to replace what is there"


class FormatError(BlindlinkError):
    """A file that should be one of blindlink's formats is not, strictly read."""

    exit_code = 14
    hint = "get the file again from its sender; 'blindlink inspect FILE' shows what it is"


class VerificationError(BlindlinkError):
    """A signature, digest, proof or ciphertext does not verify."""

    exit_code = 15
    hint = "do not use the file; ask its sender to compare fingerprints with you"


class AgreementError(BlindlinkError):
    """The agreement is unsigned, expired, altered, or not the one that the file is bound to."""

    exit_code = 16
    hint = "see 'blindlink agreement check'"


class RefusedError(BlindlinkError):
    """The agreement or its policy does not allow what was asked."""

    exit_code = 17
    hint = "see the limits in 'blindlink agreement show'"


class SeparationError(BlindlinkError):
    """The scores do not separate matches from non-matches, so no threshold can be defended."""

    exit_code = 18
    hint = "give --fallback-threshold, or encode with more identifying fields"


class RiskError(BlindlinkError):
    """The disclosure-risk report is red."""

    exit_code = 19
    hint = "use a stronger profile, or record who accepts the risk in a waiver"


class DisclosureError(BlindlinkError):
    """The disclosure gate blocks an output."""

    exit_code = 20
    hint = "see the audit record beside the output, and the policy of the data controller"


class MissingExtraError(BlindlinkError):
    """An optional dependency is not installed."""

    exit_code = 21

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} is not installed",
            hint=f"install it with: pip install 'blindlink[{extra}]'",
        )


class SelfCheckError(BlindlinkError):
    """This machine does not give the results that it should."""

    exit_code = 22
    hint = "do not use blindlink on this machine while a line of the self-check says failed"


class ServiceError(BlindlinkError):
    """The linkage service refused a request or cannot be reached."""

    exit_code = 23
    hint = "see the problem details that the service gave"


class StudyError(BlindlinkError):
    """The declaration of a study is wrong."""

    exit_code = 24
    hint = "see docs/reference/study.md and schemas/study.json"


class MisfitError(BlindlinkError):
    """An agreement or a cohort lacks what a study needs, or is of another study."""

    exit_code = 25
    hint = "compare them with 'blindlink study check'; nothing was computed"
