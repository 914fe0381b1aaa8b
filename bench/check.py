"""`python -m bench.check`: audits a data set before anything is trained on it. Imports no torch."""

import json
import sys

from bench.config.compose import configuration
from bench.config.schema import named_weights
from bench.data.audit import audit
from bench.data.audit_report import describe, write
from bench.data.on_disk import on_disk
from bench.terminal.arguments import refuse_repeats
from bench.terminal.bars import bar
from bench.terminal.errors import command
from fianet.tokens import Tokenizer

USAGE = """
Reads every image, mask and sentence of a data set and says what is wrong with it.

  python -m bench.check data=rrsisd data.root=DIR
  python -m bench.check data=refsegrs data.root=DIR --json
  python -m bench.check data=manifest data.file=FILE

Errors are samples that cannot be used; training refuses the set unless told data.skip_errors=true. Warnings
are what a reader of its numbers must know. The report is kept as audit.json and audit.txt too.

keys: data=NAME  data.root=DIR  data.max_tokens=N  data.cache=DIR
      data.file=FILE             the table of data=manifest: .csv, .jsonl or .parquet
      data.coco=FILE  data.images=DIR  the instances of data=coco; data.refer.KEY as bench.refer has them
      data.split_by=  data.test_split=  data.images=  of data=refcoco
      'data.bands=[4,3,2]'       which bands are red, green and blue
      model.text.pretrained=DIR  whose word pieces are counted against data.max_tokens, and whose words are known
exit codes: 0 no errors, 1 errors were found, 2 the request is wrong
"""


@command
def main(argv: list[str]) -> int:
    """Audits the data of a configuration; `--json` prints the report for scripts."""
    if {"-h", "--help"} & set(argv):
        print(USAGE.strip())
        return 0
    as_json = "--json" in argv
    words = [argument for argument in argv if argument != "--json"]
    refuse_repeats(words)
    config = configuration(words)
    data = on_disk(config.data)
    tokenizer = Tokenizer.load(named_weights(config.model.text.pretrained))
    with bar("reading images and masks") as progress:
        report = audit(
            data,
            max_tokens=data.max_tokens,
            tokenizer_length=tokenizer.length,
            unknown_words=tokenizer.unknown,
            progress=progress,
        )
    text, path = describe(report, data), write(report, data)
    if as_json:
        print(json.dumps(report.as_dict()))
    else:
        print(f"{text}\nReport: {path} and {path.with_suffix('.txt').name}")
    return 1 if report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
