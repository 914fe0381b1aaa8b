"""Any text a study or a data set may hold, made safe for the format it is put into."""

import re
import unicodedata

_LATEX = {
    "\0": "{}",  # put between characters that would make a ligature; `plain` keeps it out of the text
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedblright{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # after a line end, a bare [ or * would be read as its argument
    "]": "{]}",
    "*": "{*}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "…": r"\ldots{}",
    "−": "$-$",
    "†": r"\textdagger{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\rightarrow$",
    "←": r"$\leftarrow$",
    "°": r"$^\circ$",
    "²": "$^2$",
    "³": "$^3$",
    "✓": r"$\checkmark$",
    "ß": r"\ss{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
}
_GREEK = {
    letter: name
    for letters, names in (
        ("αβγδεζηθ", "alpha beta gamma delta epsilon zeta eta theta"),
        ("ικλμνξπρ", "iota kappa lambda mu nu xi pi rho"),
        ("στυφχψως", "sigma tau upsilon phi chi psi omega varsigma"),
        ("ΓΔΘΛΞΠΣΦΨΩ", "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"),
    )
    for letter, name in zip(letters, names.split(), strict=True)
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0323": "d",
    "\u0327": "c",
}
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&$])")


def plain(text: str) -> str:
    """One line of text: white space runs become one blank, what cannot be encoded or shown becomes U+FFFD."""
    return " ".join((text if text.isprintable() else "".join(map(_shown, text))).split())


def _shown(char: str) -> str:
    hidden = unicodedata.category(char) in ("Cc", "Cs") and not char.isspace()
    return "\ufffd" if hidden else char


def latex(text: str) -> str:
    """ASCII that any LaTeX (pdflatex, any font encoding) prints as `text`; needs amssymb.

    Characters LaTeX has no common command for are shown by their code (U+4E2D), as they would stop pdflatex.
    """
    characters = unicodedata.normalize("NFC", plain(text))
    unligatured = re.sub(r"([-',])(?=\1)", "\\1\0", characters)
    return "".join(map(_latex_character, unligatured))


def _latex_character(char: str) -> str:
    if char in _LATEX:
        return _LATEX[char]
    if char in _GREEK:
        return rf"$\{_GREEK[char]}$"
    if char.isascii():
        return char
    parts = unicodedata.normalize("NFD", char)
    if len(parts) == 2 and parts[0].isascii() and parts[0].isalpha() and parts[1] in _ACCENTS:
        return f"\\{_ACCENTS[parts[1]]}{{{parts[0]}}}"
    return f"U+{ord(char):04X}"


def slug(text: str) -> str:
    """A LaTeX label key or part of a file name."""
    return re.sub(r"[^A-Za-z0-9:.-]+", "-", text)


def markdown(text: str) -> str:
    """Text that no Markdown renderer takes for markup within a line or a table's cell."""
    return _MARKDOWN.sub(r"\\\1", plain(text))
