"""`python -m bench.decouple`: which words of a sentence are its object and its position, and why. Imports no torch."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.config.choices import Decoupler
from bench.data.classes import RRSISD
from bench.data.decouplers import make_decoupler
from bench.data.explained import Explained, explain
from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path
from fianet.tokens import Tokenizer

USAGE = """
Shows how a sentence is split into the words of its object and the words of its position, and why.

  python -m bench.decouple text="The ship on the left of the harbor"
  python -m bench.decouple text="The ship on the left of the harbor" decoupler=nltk vocabulary=DIR
  python -m bench.decouple file=LINES.txt decoupler=nltk --json > masks.jsonl

FIANet reads a sentence three times: whole (context), its object alone, its position alone. Each place of a row is a
word piece, from [CLS] at 0 to [SEP]; marked places are read. What has no object or position is read whole (with
decoupler=nltk, what has no object has none).

keys: text="..."       a sentence
      file=LINES.txt   or many, one a line; empty lines are skipped
      decoupler=rules  a grammar over word lists: the nouns of the first noun phrase, and phrases of place or comparison
                nltk   as FIANet's released code: names of classes and chunks of NLTK's tags, whose word numbers are
                       taken for numbers of word pieces (pip install 'fianet-bench[paper]', and the tagger's data)
                context  nothing: the whole sentence three times
      vocabulary=DIR   a folder with tokenizer.json or vocab.txt, such as bert-base-uncased's; else the shipped one
      'categories=[ship,...]'  class names for decoupler=nltk, as the data set stores them; else RRSIS-D's 20
      max_tokens=22    length of a row
      json=false       true: a line each of sentence, ids, context, object, position (rows of 0 and 1)
exit codes: 0 done, 2 the request is wrong
"""


@dataclass
class Options:
    """What can be asked for; see USAGE."""

    text: str | None = None
    file: str | None = path(None)
    decoupler: Decoupler = Decoupler.rules
    vocabulary: str | None = path(None)
    categories: list[str] = field(default_factory=lambda: list(RRSISD))
    max_tokens: int = 22
    json: bool = False


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request is wrong."""
    options = parse(argv, Options, USAGE)
    sentences = read_sentences(options)
    if options.max_tokens < 3:
        raise UserError(
            f"max_tokens={options.max_tokens}: leaves no room for a word between [CLS] and [SEP].",
            "Pass 3 or more.",
        )
    tokenizer = read_vocabulary(options.vocabulary)
    decoupler = make_decoupler(options.decoupler, options.categories)
    for number, sentence in enumerate(sentences):
        found = explain(sentence, decoupler, tokenizer, options.max_tokens)
        if options.json:
            print(json.dumps(found.as_dict()))
        else:
            print("\n" * (number > 0) + describe(found))
    return 0


def read_sentences(options: Options) -> Sequence[str]:
    """The sentence of `text=`, or those of `file=`."""
    if (options.text is None) == (options.file is None):
        given = "text and file: both are given" if options.text is not None else "text: is missing"
        raise UserError(f"{given}.", 'Pass text="The ship on the left", or file=LINES.txt with one a line.')
    if options.file is None:
        return [options.text or ""]
    path = Path(options.file)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"file={path}: is not UTF-8 text ({error}).", "Save it as UTF-8.") from None
    return [line for line in lines if line.strip()]


def read_vocabulary(folder: str | None) -> Tokenizer:
    """The vocabulary in a folder, or the shipped one; the hub is not asked."""
    if folder is None:
        return Tokenizer.load()
    path = Path(folder)
    remedy = "Pass vocabulary=DIR, a folder with tokenizer.json or vocab.txt."
    if not path.is_dir():
        raise UserError(f"vocabulary={folder}: there is no such folder.", remedy)
    try:
        return Tokenizer.load(str(path))
    except ValueError as error:
        raise UserError(f"vocabulary={folder}: cannot be read ({error}).", remedy) from None


def describe(found: Explained) -> str:
    """A sentence for people: a line for each place, then the reasons."""
    tokens = found.tokens
    last = max((place for place, word in enumerate(found.heard) if word), default=0)
    count = max(int(tokens.context_mask.sum()), last + 1)
    rows = [("place", "piece", "object", "position", "taken for" if any(found.heard) else "")]
    rows += [
        (str(place), found.pieces[place], "object" * thing, "position" * where, found.heard[place])
        for place, (thing, where) in enumerate(
            zip(tokens.object_mask[:count], tokens.position_mask[:count], strict=True)
        )
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    table = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join([found.sentence, "", *(f"  {line}".rstrip() for line in table), "", *found.why])


if __name__ == "__main__":
    sys.exit(main())
