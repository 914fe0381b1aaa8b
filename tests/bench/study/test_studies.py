"""Every shipped study, and every mixture of parts, from the words of the command line to the table.

`make nightly` runs them all; each cell takes a second.
"""

import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.config.compose import configuration
from bench.config.groups import options
from bench.config.request import Request
from bench.data.index import read_index
from bench.models.build import DECODERS, FUSIONS, NECKS
from bench.models.bundle import save_bundle
from bench.models.export import from_cell
from bench.run import run
from bench.storage.store import Store
from bench.study import prepare
from bench.study.definition import read_study
from bench.terminal.errors import UserError

# no key that a row of a study sets: the command line may not overrule a row
SMALL = [
    "recipe.size=32",
    "recipe.batch_size=4",
    "recipe.epochs=1",
    "model.encoder.embed_dim=8",
    "model.encoder.depths=[1,1,1,1]",
    "model.encoder.heads=[1,1,2,2]",
    "model.encoder.window=4",
    "model.text.width=16",
    "launcher=inline",
    "launcher.threads=1",
    "tracking.enabled=false",
]
DRAWN = [f"data.synthetic.{key}" for key in ("train=12", "val=3", "test=3", "per_image=2", "size=64")]
ROWS = {
    "main": ["lavt", "lgce", "rmsin", "fianet"],
    "modules": ["neither", "tmem", "fiam", "both"],
    "neck": ["none", "lgce", "cim", "tmem"],
    "tmem_blocks": ["one", "two", "three", "four"],
    "decoder": ["simple", "rotated"],
    "text": ["frozen", "one", "full", "short", "long"],
    "decoupler": ["context", "nltk", "rules"],
    "selection": ["val", "test"],
    "controls": ["blind", "lavt", "lgce", "rmsin", "fianet"],
    "same_loss": ["lavt", "lgce", "rmsin", "fianet"],
    "beyond": ["published", "channels", "direct", "residual", "all"],
    "beyond_parts": ["published", "coordinates", "contextual", "fine", "edge", "mean"],
    "fractions": [f"{model}{part}" for model in ("lavt", "fianet") for part in ("_10", "_25", "_50", "")],
    "encoder": ["swin", "lite", "resnet", "convnext"],
    "fiam": ["blind", "pwam", "context", "object", "position", "full"],
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set drawn once, in the RRSIS-D layout."""
    root = tmp_path_factory.mktemp("studies") / "drawn"
    read_index(configuration(["data=synthetic", *DRAWN, f"data.root={root}"]).data)
    return root


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def no_tagger() -> None:
    raise UserError("protocol.decoupler=nltk: NLTK's data are not here.", "Download them.")


def words(drawn: Path, *more: str) -> list[str]:
    return ["data=synthetic", *DRAWN, f"data.root={drawn}", *SMALL, *more]


def write_refsegrs(drawn: Path, root: Path) -> None:
    """The drawn references once more, in the layout of RefSegRS."""
    config = configuration(["data=synthetic", *DRAWN, f"data.root={drawn}"])
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    lines: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for reference in read_index(config.data).references:
        name = f"{reference.ref_id:04d}"
        Image.open(reference.image).save(root / f"images/{name}.tif")
        Image.fromarray(reference.mask.read().astype(np.uint8) * 255).save(root / f"masks/{name}.tif")
        lines[reference.split].append(f"{name} {reference.sentence}\n")
    for split, each in lines.items():
        (root / f"output_phrase_{split}.txt").write_text("".join(each))


def test_every_study_has_the_rows_it_was_asked_for() -> None:
    assert {name: [row.key for row in read_study(name).rows] for name in options("ablation")} == ROWS


@pytest.mark.parametrize("study", ROWS)
def test_every_study_can_be_planned(study: str, drawn: Path, here: Path, capsys) -> None:
    assert run(words(drawn, f"ablation={study}", "dry_run=true")) == 0
    assert f"0 done, {len(ROWS[study])} to run" in capsys.readouterr().out
    assert not (here / "runs/cells").exists()


@pytest.mark.slow
@pytest.mark.parametrize("study", ROWS)
def test_every_study_trains_its_rows_and_builds_its_table(
    study: str, drawn: Path, here: Path, request: pytest.FixtureRequest, capsys
) -> None:
    if study == "decoupler":
        request.getfixturevalue("nltk_data")
    assert run(words(drawn, f"ablation={study}")) == 0, capsys.readouterr().err
    assert all(cell.done for cell in Store("runs").cells())
    table = (here / f"runs/reports/{study}/table.md").read_text()
    for row in read_study(study).rows:
        assert row.label.removeprefix("+ ") in table


@pytest.mark.slow
def test_main_runs_on_both_published_layouts_and_shows_val_and_test(drawn: Path, here: Path, capsys) -> None:
    shutil.copytree(drawn, here / "data/rrsisd")
    write_refsegrs(drawn, here / "data/refsegrs")
    assert run([*SMALL, "ablation=main"]) == 0, capsys.readouterr().err
    cells = Store("runs").cells()
    assert len(cells) == 8
    assert all(cell.done for cell in cells)
    table = (here / "runs/reports/main/table.md").read_text()
    for panel in ("rrsisd, val", "rrsisd, test", "refsegrs, val", "refsegrs, test"):
        assert panel in table


@pytest.mark.slow
@pytest.mark.parametrize("square", range(len(DECODERS)))
def test_every_pair_of_slots_is_trained_and_scored_from_the_command_line(
    square: int, drawn: Path, here: Path, capsys
) -> None:
    """A Latin square: any two slots meet in all kinds, in a third of all mixtures; `test_slots` builds them all."""
    decoder = list(DECODERS)[square]
    mixtures = [
        [f"model.fusion={fusion}", f"model.neck={neck}", f"model.decoder={decoder}"]
        for (row, fusion), (column, neck) in product(enumerate(FUSIONS), enumerate(NECKS))
        if (row + column) % len(DECODERS) == square
    ]
    for mixture in mixtures:
        assert run(words(drawn, "model=fianet", *mixture)) == 0, (mixture, capsys.readouterr().err)
    assert len(Store("runs").cells()) == len(mixtures) == len(FUSIONS) * len(NECKS) / len(DECODERS)


def test_a_data_set_is_audited_once_though_papers_train_differently_on_it(
    drawn: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audited = []
    monkeypatch.setattr(prepare, "fingerprint", lambda data: audited.append(data.root) or "f" * 16)
    asked = ["ablation=main", "data=rrsisd", f"data.root={drawn}", "recipe=paper"]
    plan = prepare.prepare(Request.parse(asked))
    assert {cell.row: cell.config.recipe.erase for cell in plan.cells} == {
        "lavt": 0.0,
        "lgce": 0.0,
        "rmsin": 0.2,
        "fianet": 0.2,
    }
    assert audited == [str(drawn)]


def test_fianet_with_the_neck_of_rmsin_is_one_command(drawn: Path, here: Path) -> None:
    assert run(words(drawn, "model=fianet", "model.neck=cim")) == 0
    (cell,) = Store("runs").cells()
    assert cell.done


def test_rows_that_need_no_tagger_can_be_planned_without_it(
    drawn: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(prepare, "nltk_tagger", no_tagger)
    assert run(words(drawn, "ablation=decoupler", "dry_run=true")) == 0
    assert "Cells that need it will fail.\nDownload them." in capsys.readouterr().err
    with pytest.raises(UserError, match="NLTK's data are not here"):
        run(words(drawn, "protocol.decoupler=nltk", "dry_run=true"))


def test_given_weights_are_scored_as_a_row_and_only_at_their_size(
    drawn: Path, here: Path, capsys: pytest.CaptureFixture[str], last_of_each
) -> None:
    assert run(words(drawn, "model=rmsin")) == 0
    (cell,) = Store("runs").cells()
    save_bundle(from_cell(Store("runs"), cell.id), Path("given"))
    (here / "both.yaml").write_text(
        "title: Given\nreference: ours\nrows:\n  ours: {label: Ours, model: rmsin}\n"
        "  given: {label: Given, weights: given}\n"
    )
    assert run(words(drawn, "ablation=both.yaml")) == 0
    ours, given = sorted(Store("runs").cells(), key=lambda each: each.config()["weights"] or "")
    assert given.config()["weights"] == "given"
    assert given.metrics()["scores"] == ours.metrics()["scores"]
    assert not given.history()
    with pytest.raises(UserError, match=r"made for images of 32 px, recipe\.size is 64"):
        run(last_of_each([*words(drawn, "ablation=both.yaml"), "recipe.size=64"]))
