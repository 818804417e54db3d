"""Turn messages of the library into messages of the command: options instead of arguments."""

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
"""The names of delimiters in ``--delimiter``."""

_SAME_NAMES = "activation delimiter dropout epochs header l2 loss optimizer seed task"
_OPTION_OF = {name: name for name in _SAME_NAMES.split()} | {
    "batch_size": "batch",
    "layer_sizes": "arch",
    "learning_rate": "eta",
    "output_activation": "output-activation",
    "path": "save",
    "targets": "target",
}
_NAMES = "|".join(sorted(_OPTION_OF, key=len, reverse=True))
# Matches an argument with its value, ``header=True``; names that are not words of English; and any
# name at the beginning of a message. Names in paths and within quotes are the user's own.
_ARGUMENT = re.compile(
    rf"(?P<quoted>(?<![\w=])'[^']*')"
    rf"|(?<![\w./\\-])(?P<name>{_NAMES})=(?P<value>True|False|'[^']*'|\"[^\"]*\"|[\w.+-]*\w)"
    rf"|(?<![\w./\\-])(?P<bare>learning_rate|batch_size|output_activation|layer_sizes)(?![\w./\\-])"
    rf"|^(?P<first>{_NAMES})(?= must )"
)


def listed(names: Sequence[str]) -> str:
    """Return the first few names, for a message."""
    return f"{', '.join(names[:9])}{', ...' if len(names) > 9 else ''}"


def in_options(message: str) -> str:
    """Replace the names of arguments in a message by those of options."""
    return _ARGUMENT.sub(_option, message)


def _option(match: "re.Match[str]") -> str:
    if match["quoted"]:
        return match["quoted"]
    if bare := match["bare"] or match["first"]:
        return f"--{_OPTION_OF[bare]}"
    option, value = _OPTION_OF[match["name"]], match["value"]
    if value in ("True", "False"):
        return f"--{option}" if value == "True" else f"--no-{option}"
    text = value.strip("'\"").replace("\\t", "\t")
    if option == "delimiter":
        text = next((name for name, character in DELIMITERS.items() if character == text), text)
    return f"--{option} {shlex.quote(text)}"
