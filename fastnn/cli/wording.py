"""Messages of the library in the words of the command: options in the place of arguments."""

import re
import shlex
from collections.abc import Sequence

DELIMITERS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "space": " ",
    "pipe": "|",
    "whitespace": "whitespace",
}
"""The names that ``--delimiter`` has for delimiters."""

_OPTION_OF = {
    "activation": "activation",
    "batch_size": "batch",
    "delimiter": "delimiter",
    "dropout": "dropout",
    "epochs": "epochs",
    "header": "header",
    "l2": "l2",
    "layer_sizes": "arch",
    "learning_rate": "eta",
    "loss": "loss",
    "optimizer": "optimizer",
    "output_activation": "output-activation",
    "path": "save",
    "seed": "seed",
    "targets": "target",
    "task": "task",
}
_NAMES = "|".join(sorted(_OPTION_OF, key=len, reverse=True))
# As an argument with its value, ``header=True``; or by a name that is no word of a sentence, or at
# the beginning of a message. Names in paths and within quotes are the user's own.
_ARGUMENT = re.compile(
    rf"(?P<quoted>(?<![\w=])'[^']*')"
    rf"|(?<![\w./\\-])(?P<name>{_NAMES})=(?P<value>True|False|'[^']*'|\"[^\"]*\"|[\w.+-]*\w)"
    rf"|(?<![\w./\\-])(?P<bare>learning_rate|batch_size|output_activation|layer_sizes)(?![\w./\\-])"
    rf"|^(?P<first>{_NAMES})(?= must )"
)


def listed(names: Sequence[str]) -> str:
    """Return the first few names for a message."""
    return f"{', '.join(names[:9])}{', ...' if len(names) > 9 else ''}"


def in_options(message: str) -> str:
    """Name the options of the command where a message names arguments of Python."""
    return _ARGUMENT.sub(_option, message)


def _option(found: "re.Match[str]") -> str:
    if found["quoted"]:
        return found["quoted"]
    if bare := found["bare"] or found["first"]:
        return f"--{_OPTION_OF[bare]}"
    option, value = _OPTION_OF[found["name"]], found["value"]
    if value in ("True", "False"):
        return f"--{option}" if value == "True" else f"--no-{option}"
    text = value.strip("'\"").replace("\\t", "\t")
    if option == "delimiter":
        text = next((name for name, character in DELIMITERS.items() if character == text), text)
    return f"--{option} {shlex.quote(text)}"
