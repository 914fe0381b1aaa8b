from collections.abc import Callable

from bench.storage.store import Store
from reports.figures.fractions import fractions, read_families
from reports.figures.style import style
from reports.statistics.frame import read_frame
from reports.tables.notes import protocol_notes, subset_note, training_notes
from reports.tables.study_table import study_grid

StudyMaker = Callable[..., Store]
ROWS = (
    {"key": "few", "label": "LAVT, 10 %"},
    {"key": "all", "label": "LAVT, 100 %"},
    {"key": "full", "label": "FIANet"},
)


def with_parts(make_study: StudyMaker) -> Store:
    """`few` is `all` on 70 of 700 images; `full` is another model."""
    store = make_study(rows=ROWS, marks=[], expect=[])
    for row in store.study("fiam")["rows"]:
        for place in row["cells"]:
            cell, few = store.cell(place["id"]), row["key"] == "few"
            known = {"seed": place["seed"], "model": "fianet" if row["key"] == "full" else "lavt"}
            known["data"] = {"fingerprint": "f"} | ({"fraction": 0.1} if few else {})
            cell.write("cell", cell.description() | {"identity": known})
            if few:
                metrics = cell.metrics() or {}
                counts = metrics["counts"] | {"train": 210}
                cell.write("metrics", metrics | {"counts": counts, "subset": {"images": 70, "of": 700}})
    return store


def test_a_row_on_part_of_the_images_says_so(make_study: StudyMaker) -> None:
    frame = read_frame(with_parts(make_study), "fiam")
    said = "Trained on 10 % of the training images of synthetic: 70 of 700 images, 210 sentences."
    assert subset_note(frame, "few", "synthetic") == said
    assert subset_note(frame, "all", "synthetic") == ""
    assert [note.text for note in study_grid(frame).notes if note.marker] == [said]
    assert training_notes(frame) == ["LAVT, 10 %: t" + said[1:]]


def test_the_number_of_training_expressions_is_that_of_all(make_study: StudyMaker) -> None:
    store = with_parts(make_study)
    assert "train 1,200" in "\n".join(protocol_notes(read_frame(store, "fiam")))
    for row in store.study("fiam")["rows"][1:]:
        for place in row["cells"]:
            (store.cell(place["id"]).path / "metrics.json").unlink()
    said = "\n".join(protocol_notes(read_frame(store, "fiam")))
    assert "Expressions in synthetic: val 150, test 300." in said


def test_a_family_is_rows_that_differ_in_their_images_alone(make_study: StudyMaker) -> None:
    store = with_parts(make_study)
    frame = read_frame(store, "fiam")
    found = read_families(store, frame)
    ((family,),) = found.values()
    assert (family.label, family.images) == ("LAVT", {"few": 70, "all": 700})
    with style():
        axis = fractions(frame, found).axes[0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["LAVT"]
    assert list(axis.lines[0].get_xdata()) == [70, 700]


def test_studies_without_parts_have_no_families(make_study: StudyMaker) -> None:
    store = make_study()
    assert read_families(store, read_frame(store, "fiam")) == {}
