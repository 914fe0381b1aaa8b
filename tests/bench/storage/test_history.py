from bench.storage.history import chosen_epoch


def test_epochs_are_counted_from_one() -> None:
    assert chosen_epoch({"best_epoch": 0, "epochs": 3}) == "Epoch 1 of 3"
    assert chosen_epoch({"best_epoch": 2}) == "Epoch 3"


def test_weights_that_were_only_scored_have_no_epoch() -> None:
    assert chosen_epoch({"best_epoch": -1}) is None
    assert chosen_epoch({}) is None
