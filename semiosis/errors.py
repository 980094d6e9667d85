"""What the program declines to do, said in one sentence."""


class UsageError(ValueError):
    """A mistake of the user's: the message is one sentence with the value, what was expected and what exists.

    The command line prints the sentence and exits with status 2; no traceback is shown.
    """


def unknown(kind: str, value: object, known: object) -> UsageError:
    """The sentence for a name that does not exist: `unknown data 'minst': known are digits, mnist, ...`."""
    return UsageError(f"unknown {kind} {value!r}: known are {', '.join(str(k) for k in known)}")  # type: ignore[attr-defined]
