"""Characters that nobody sees and that make two equal texts different."""

import unicodedata


def without_invisible(text: str) -> str:
    """Return `text` without control and format characters: zero width, byte order marks, bidi marks, NUL.

    White space is kept, line ends and no-break spaces included: it can be seen, if only as a gap.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char for char in text if char.isspace() or unicodedata.category(char) not in {"Cc", "Cf"})
