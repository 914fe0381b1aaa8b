"""Trains the shipped word-piece vocabulary: `python -m fianet.vocabulary.train [FILE]` writes the same bytes.

The text is our own: every class name with every attribute, place and relation listed here. The lists are not
shared with `fianet.decouple` on purpose: line numbers of vocab.txt are token ids, which trained models depend
on, and a word the grammar learns must not move them.
"""

import string
import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

FILE = Path(__file__).with_name("vocab.txt")
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

# Classes of RRSIS-D (DIOR), RefSegRS, NWPU VHR-10 and of other public sets of overhead pictures.
CLASSES = """
expressway service area, expressway toll station, train station, airplane, airport, baseball field,
baseball diamond, basketball court, tennis court, soccer ball field, football field, golf field, golf
course, ground track field, running track, playground, stadium, swimming pool, bridge, overpass, dam,
chimney, windmill, wind turbine, storage tank, harbor, ship, boat, vehicle, light-duty vehicle, car, van,
truck, trailer, bus, road, road marking, bikeway, sidewalk, crosswalk, lane, roundabout, intersection,
parking lot, runway, railway, building, house, roof, tree, forest, low vegetation, grass, bush, impervious
surface, bare land, field, farmland, meadow, river, lake, pond, water, beach, island, helicopter, helipad,
container, crane, plane, aircraft, greenhouse, pier, square
"""
ATTRIBUTES = """
tiny, small, little, medium, large, big, huge, giant, long, short, slender, thin, thick, wide, narrow,
tall, black, white, gray, grey, red, green, blue, yellow, orange, purple, brown, cyan, pink, silver,
beige, dark, light, bright, dark and light, oval, round, rounded, rectangular, square, circular,
triangular, curved, straight, frustum of a cone, conical, cylindrical, paved, empty, old, new, single,
two, three, four, five, six, seven, eight, nine, ten, all, both, every, each, many, several, some, parked,
moving, one, only, other, another, largest, smallest, biggest, longest, leftmost, rightmost, topmost,
first, second, third, last, a group of, a row of
"""
PLACES = """
on the left, on the right, on the top, at the bottom, in the middle, on the upper left, on the upper
right, on the lower left, on the lower right, in the center, in the centre, in the corner, at the edge, on
the far left, on the side, in the lower part, in the upper half, in the image, in the picture, in the
north, in the south, in the east, in the west, with it, without them, from that, for which it is
"""
RELATIONS = """
is on the left of, is on the right of, is above, is below, is in, is on, is at, is under, is over, is
near, is beside, is between, is next to, is close to, is inside, is outside, is behind, is in front of, is
around, is along, is across from, is by, is opposite, is adjacent to, is away from, is far from, is
surrounded by, is bigger than, is smaller than, is larger than, is longer than, is shorter than, is wider
than, is narrower than, is taller than, is closer to, is a little bigger than, is a little smaller than,
is much bigger than, is much smaller than, is slightly larger than, is similar in size to, is the same
size as, is as large as, is different from, has, has no, is driving on, is parked in, is parked at, is
running on, is lying in, is anchored with, is anchored in, is going through, is docked at, is sailing on,
is crossing, is located in, is moving towards, is standing on, is flying over, is part of, and, or, are
with
"""


def main(path: Path = FILE) -> None:
    """Writes the vocabulary, one piece a line."""
    path.write_text("".join(f"{piece}\n" for piece in train()), encoding="utf-8", newline="\n")


def train() -> list[str]:
    """The pieces in the order of their ids: specials, characters, continued characters, longer ones."""
    # Given as "special", characters have fixed ids; else ties between merges would depend on a hash seed.
    characters = sorted(string.ascii_lowercase + string.digits + string.punctuation)
    fixed = [
        *SPECIALS,
        *characters,
        *(f"##{letter}" for letter in sorted(string.ascii_lowercase + string.digits)),
    ]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=4000, special_tokens=fixed, show_progress=False)
    tokenizer.train_from_iterator(sentences(), trainer)
    return [*fixed, *sorted(set(tokenizer.get_vocab()) - set(fixed))]


def sentences() -> Iterator[str]:
    """Every class with every attribute, every place and every relation to another class."""
    classes = _phrases(CLASSES)
    for i, name in enumerate(classes):
        landmark = classes[i - 1]
        yield from (f"The {attribute} {name}" for attribute in _phrases(ATTRIBUTES))
        yield from (f"A {name}s {place}" for place in _phrases(PLACES))
        yield from (f"The {name} {relation} the {landmark}" for relation in _phrases(RELATIONS))


def _phrases(text: str) -> list[str]:
    return [" ".join(phrase.split()) for phrase in text.split(",")]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
