"""The report of an audit: for people, and as files beside what else is remembered of a set. Imports no torch."""

from collections.abc import Iterator
from pathlib import Path

from bench.config.schema import DataConfig
from bench.data.audit import KINDS, Finding, Report
from bench.data.facts import audit_folder
from bench.data.fingerprint import fingerprint
from bench.data.own_name import with_own_name
from bench.data.reference import SPLITS
from bench.data.source import source
from bench.storage import files

EXAMPLES = 5  # shown of each kind


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
        f"{with_own_name(data).name} ({source(data)}): {counts['references']} references on {counts['images']} images",
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
