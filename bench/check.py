"""`python -m bench.check`: audits a data set before anything is trained on it. Imports no torch."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.config.compose import configuration
from bench.config.schema import DataConfig
from bench.data.audit import KINDS, Finding, Report, audit
from bench.data.facts import audit_folder
from bench.data.fingerprint import fingerprint
from bench.data.reference import SPLITS
from bench.storage import files
from bench.terminal.bars import bar
from bench.terminal.errors import command
from fianet.tokens import Tokenizer

USAGE = """
Reads every image, mask and sentence of a data set and says what is wrong with it.

  python -m bench.check data=rrsisd data.root=DIR
  python -m bench.check data=refsegrs data.root=DIR --json

Errors are samples that cannot be used; training refuses the set unless told data.skip_errors=true. Warnings
are what a reader of its numbers must know. The report is kept as audit.json and audit.txt too.

keys: data=NAME  data.root=DIR  data.max_tokens=N  data.cache=DIR
      model.text.pretrained=DIR  whose word pieces are counted against data.max_tokens
exit codes: 0 no errors, 1 errors were found, 2 the request is wrong
"""
EXAMPLES = 5  # shown of each kind


@command
def main(argv: list[str]) -> int:
    """Audits the data of a configuration; `--json` prints the report for scripts."""
    if {"-h", "--help"} & set(argv):
        print(USAGE.strip())
        return 0
    as_json = "--json" in argv
    config = configuration([argument for argument in argv if argument != "--json"])
    data = config.data
    length = Tokenizer.load(config.model.text.pretrained).length
    with bar("reading images and masks") as progress:
        report = audit(data, max_tokens=data.max_tokens, tokenizer_length=length, progress=progress)
    text, path = describe(report, data), write(report, data)
    if as_json:
        print(json.dumps(report.as_dict()))
    else:
        print(f"{text}\nReport: {path} and {path.with_suffix('.txt').name}")
    return 1 if report.errors else 0


def write(report: Report, data: DataConfig) -> Path:
    """Writes audit.json and audit.txt under `data.cache`; returns the path of the first."""
    folder = audit_folder(data, fingerprint(data))
    files.write_json(folder / "audit.json", report.as_dict())
    files.write_text(folder / "audit.txt", describe(report, data) + "\n")
    return folder / "audit.json"


def describe(report: Report, data: DataConfig) -> str:
    """The report for people: counts, then every kind of finding with examples."""
    counts = report.counts
    width = max([len("category"), *map(len, counts["categories"])])
    table = {"category": {split: split for split in SPLITS}, **counts["categories"], "all": counts["splits"]}
    lines = [
        f"{data.name} in {data.root}: {counts['references']} references on {counts['images']} images",
        "",
    ]
    lines += [
        f"{name:<{width}}" + "".join(f"{row[split]:>8}" for split in SPLITS) for name, row in table.items()
    ]
    for title, findings, none in (
        ("Errors", report.errors, "none; every sample can be used"),
        ("Warnings", report.warnings, "none"),
    ):
        lines += ["", f"{title}: {len(findings) if findings else none}", *_by_kind(findings)]
    if report.errors:
        lines += [
            "",
            f"{len(report.error_ids)} samples cannot be used; data.skip_errors=true leaves them out.",
        ]
    return "\n".join(lines)


def _by_kind(findings: list[Finding]) -> Iterator[str]:
    for kind, title in KINDS.items():
        found = [finding for finding in findings if finding.kind == kind]
        if found:
            yield f"  {len(found):>6}  {title} ({kind})"
        for finding in found[:EXAMPLES]:
            yield f"          ref_id {finding.ref_id}, {finding.file}: {finding.message}"


if __name__ == "__main__":
    sys.exit(main())
