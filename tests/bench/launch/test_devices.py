from bench.config.schema import LauncherConfig
from bench.launch.devices import share_machine


def test_workers_with_equal_shares_are_told_apart(monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert len(set(share_machine(LauncherConfig(workers=3, threads=1), 9))) == 3
