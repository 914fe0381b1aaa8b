"""`python -m bench.refer`: any COCO instance file becomes a referring data set with verified sentences."""

import sys
from pathlib import Path

from bench.data.refer import Options, draw_preview, make_set
from bench.terminal.arguments import parse
from bench.terminal.bars import bar
from bench.terminal.command_line import command_line, word
from bench.terminal.errors import command

EXAMPLES = 5  # shown of what is left out
USAGE = """
Makes a referring data set, in the RRSIS-D layout, from a COCO instance file. Every sentence is checked to fit
exactly one instance: its target clearly, every other instance of the class clearly not.

  python -m bench.refer coco=instances.json images=photos out=data/mine
  python -m bench.run ablation=fiam data=rrsisd data.root=data/mine

keys: coco=FILE            polygons or run lengths; a class with a crowd region, or an annotation
                           without a mask, is left out in that image
      images=DIR           the folder that file_name is relative to
      out=DIR              the new set; refused if it is there and is not this set
      name=NAME            what tables and figures call the set; the folder's name unless given
      'rename={OLD: NEW}'  other words for classes: 'rename={soccer ball field: football field}'
      seed=0               chooses sentences and splits, and those of the preview
      per_instance=4       sentences about one instance at most
      per_image=30         sentences about one image at most
      'split=[0.7,0.1,0.2]'  shares of train, val, test by image; copies of an image stay together
      colours=false        true: colour words, read from the pixels (wrong on colour-infrared images)
      groups=false         true: also sentences about several ("The vehicles on the left", "All ships")
      min_visible=0.5      share of an object that must be in the picture for sentences to mean it; 1: none that
                           touches the border, 0: all. Of one that does, the share is estimated: its area beside
                           the median of whole ones of its class in that image; without any, it is left out
      max_side=0           shrink larger images to this many pixels; 0: files are copied byte by byte
      overwrite=false      true: replace another set of this command in out=DIR; nothing else is ever replaced
      preview=0            how many sentences to draw with their masks in OUT/preview.png, to be judged by eye;
                           without coco= and images=, of the set that is at out=DIR already
exit codes: 0 done, 2 the request or a file is wrong
"""


@command
def main(argv: list[str]) -> int:
    """Makes the set, draws the preview, or both."""
    options = parse(argv, Options, USAGE)
    out = Path(options.out)
    only_looks = bool(options.preview and options.out) and not options.coco and not options.images
    if not only_looks:
        _make(options, out)
    if options.preview > 0:
        print(f"See {draw_preview(out, options.preview, options.seed)}")
    return 0


def _make(options: Options, out: Path) -> None:
    """Makes the set, or finds it there, and prints what is in it."""
    with bar("Choosing sentences") as progress:
        made = make_set(options, progress)
    for line in made.left_out[:EXAMPLES]:
        print(f"Left out: {line}.", file=sys.stderr)
    if made.left_out:
        more = len(made.left_out) - EXAMPLES
        print(
            (f"... and {more} more. " if more > 0 else "")
            + f"{len(made.left_out)} annotations have no mask that can be read; "
            "nothing is said of their classes in those images.",
            file=sys.stderr,
        )
    if made.known:
        print(f"{made.summary}\n\n{out} holds this set already; nothing was written.")
    else:
        check = command_line("bench.check", "data=rrsisd", word("data.root", out))
        print(f"{made.summary}\n\nWritten to {out}. Next: {check}")


if __name__ == "__main__":
    sys.exit(main())
