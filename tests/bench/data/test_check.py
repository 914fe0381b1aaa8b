"""`python -m bench.check`: exit codes, output and the report it writes."""

import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bench import check


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A set of three references in the RRSIS-D layout."""
    (tmp_path / "set/rrsisd").mkdir(parents=True)
    images = tmp_path / "set/images/rrsisd/JPEGImages"
    images.mkdir(parents=True)
    refs, annotations = [], []
    for number, split in enumerate(("train", "val", "test")):
        name = f"{number}.jpg"
        content = io.BytesIO()
        Image.new("RGB", (8, 8), (number * 80, 0, 0)).save(content, "JPEG")
        (images / name).write_bytes(content.getvalue())
        ids = {"ref_id": number, "ann_id": number, "image_id": number, "category_id": 0}
        refs.append({**ids, "split": split, "file_name": name, "sentences": [{"sent": "A ship"}]})
        annotations.append({"id": number, "area": 4, "segmentation": {"size": [8, 8], "counts": [60, 4]}})
    (tmp_path / "set/rrsisd/refs(unc).p").write_bytes(pickle.dumps(refs))
    instances = {"images": [], "annotations": annotations, "categories": [{"id": 0, "name": "ship"}]}
    (tmp_path / "set/rrsisd/instances.json").write_text(json.dumps(instances))
    return tmp_path / "set"


def run(monkeypatch: pytest.MonkeyPatch, root: Path, *more: str) -> int:
    arguments = ["data=rrsisd", f"data.root={root}", f"data.cache={root.parent / 'cache'}", *more]
    monkeypatch.setattr(sys, "argv", ["check", *arguments])
    return check.main()


def test_a_sound_set_is_0_and_shows_counts(monkeypatch, root: Path, capsys) -> None:
    assert run(monkeypatch, root) == 0
    out, err = capsys.readouterr()
    assert "3 references on 3 images" in out
    assert "Errors: none" in out
    assert err == ""


def test_errors_are_1_with_examples_and_a_report_on_disk(monkeypatch, root: Path, capsys) -> None:
    (root / "images/rrsisd/JPEGImages/1.jpg").unlink()
    assert run(monkeypatch, root) == 1
    out = capsys.readouterr().out
    assert "1  image files that are missing (missing_image)" in out
    assert "ref_id 1" in out
    [path] = (root.parent / "cache").rglob("audit.json")
    assert str(path) in out
    assert json.loads(path.read_text())["errors"][0]["ref_id"] == 1
    assert "missing_image" in path.with_name("audit.txt").read_text()


def test_json_prints_the_report_alone(monkeypatch, root: Path, capsys) -> None:
    assert run(monkeypatch, root, "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"]["splits"] == {"train": 1, "val": 1, "test": 1}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("data.root=nowhere", "nowhere"), ("data.rot=x", "data.root"), ("data=rrsisdd", "rrsisd")],
)
def test_a_wrong_request_is_2_in_two_lines(monkeypatch, root: Path, capsys, wrong: str, said: str) -> None:
    assert run(monkeypatch, root, wrong) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 2


def test_help_names_the_keys(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["check", "--help"])
    assert check.main() == 0
    assert "data.root" in capsys.readouterr().out


def test_no_torch_is_loaded_to_check_data() -> None:
    code = "import sys, bench.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
