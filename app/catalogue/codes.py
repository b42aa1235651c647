"""How codes are written: letters and digits of full width mean the same as those of half width."""

import unicodedata


def fold_width(text: str) -> str:
    """Return a code, ref or word as it is compared and kept: `９１Ａ` is `91A` (Unicode NFKC); case stays."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)
