import pytest

from reports.statistics.protocol import row_protocol

RELEASED = "as the released code did"
PUBLISHED = {"select": "test", "metric": "oIoU", "decoupler": "nltk", "said": RELEASED}
TRAINED = {"encoder": {"pretrained": "swin.pth"}, "text": {"pretrained": "bert-base-uncased"}}
PROTOCOL = {"select": "test", "metric": "oIoU", "size": "resized", "decoupler": "nltk"}


def config(protocol: dict | None = None, model: dict | None = None, **recipe: object) -> dict:
    return {
        "model": {"fusion": "fiam", "published": PUBLISHED, **TRAINED} | (model or {}),
        "protocol": PROTOCOL | (protocol or {}),
        "recipe": {"size": 480} | recipe,
    }


def test_a_row_that_does_as_its_released_code_says_so_and_departs_in_nothing() -> None:
    found = row_protocol(config(), {})
    assert found.choice == f"Epoch chosen on test by oIoU, {RELEASED}: these test scores are optimistic."
    assert found.departures == ()


def test_another_choice_is_not_said_to_be_the_released_codes() -> None:
    found = row_protocol(config({"select": "val", "metric": "mIoU"}), {})
    assert found.choice == "Epoch chosen on val by mIoU."
    assert found.departures == ("epoch chosen on val by mIoU, not chosen on test by oIoU",)
    half = row_protocol(config({"metric": "mIoU"}), {})
    assert half.said == ""
    assert half.departures == ("epoch chosen on test by mIoU, not chosen on test by oIoU",)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (config({"decoupler": "rules"}), "object and position words by decoupler=rules, not nltk"),
        (config({"size": "native"}), "scored at each image's own size, not resized"),
        (config(size=96), "input 96 px, not 480"),
        (config(model={"encoder": {"pretrained": None}}), "encoder from random weights, not pretrained"),
        (
            config(model={"encoder": {}, "text": {"pretrained": None}}),
            "encoder and text from random weights, not pretrained",
        ),
    ],
)
def test_what_differs_from_the_released_code_is_named(changed: dict, named: str) -> None:
    assert row_protocol(changed, {}).departures == (named,)


def test_a_decoupler_that_nobody_reads_is_no_departure() -> None:
    assert row_protocol(config({"decoupler": "rules"}, {"fusion": "pwam"}), {}).departures == ()


def test_nothing_is_claimed_of_a_code_that_is_not_known() -> None:
    for published in ({}, {"loss": "ce", "erase": 0.0}, PUBLISHED | {"said": ""}):
        found = row_protocol(config({"decoupler": "rules"}, {"published": published}), {})
        assert found.choice == "Epoch chosen on test by oIoU: these test scores are optimistic."
        assert found.departures == ()


def test_given_weights_have_no_epoch_that_was_chosen() -> None:
    found = row_protocol(config() | {"weights": "model.pth"}, {})
    assert (found.choice, found.departures) == ("", ())


def test_a_cell_that_does_not_say_is_of_the_studys_protocol() -> None:
    assert row_protocol({}, {"protocol": {"select": "val"}}).choice == "Epoch chosen on val."
