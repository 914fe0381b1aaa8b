from pathlib import Path

import pytest

from bench.terminal.errors import UserError
from reports.statistics.published import SIZES, check_methods, read_published


def test_every_printed_number_has_a_source_and_is_a_percentage() -> None:
    for printed in read_published():
        assert printed.source
        assert all(0 <= score <= 100 for score in printed.scores.values())
        assert printed.split in SIZES[printed.dataset]


def test_the_copy_is_the_shared_file(shared: Path) -> None:
    assert (Path(__file__).parents[3] / "reports" / "published.csv").read_text() == (
        shared / "data" / "published.csv"
    ).read_text()


def test_line_without_a_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("method,dataset,split,mIoU,reported_in,note\nLAVT,rrsisd,test,61.04,,\n")
    with pytest.raises(UserError, match="line 2"):
        read_published(path)


def test_unknown_method_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean RMSIN"):
        check_methods(["RMSIM"], "main.yaml, published")
