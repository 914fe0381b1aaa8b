"""Weights that packages bring: found without running them, named alike on every machine, and missed with a command."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from bench.config.compose import configuration
from bench.config.identity import identity
from bench.models.packaged import INSTALL, PACKAGES
from bench.models.pretrained import encoder_digest, locate_encoder, locate_text, text_digest
from bench.models.vocabulary import configured_tokenizer
from bench.terminal.errors import UserError
from fianet.tokens import SHIPPED, Tokenizer

LITE, MINILM = PACKAGES


def install(site: Path) -> None:
    """Both packages, as pip would lay them out, with code that must not run."""
    for package, place in PACKAGES.values():
        folder = site / place.partition("/")[0]
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("raise SystemExit('was imported')")
        about = site / f"{package.replace('-', '_')}-0.1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1.0\n")
    weights = site / PACKAGES[LITE][1]
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    model = site / PACKAGES[MINILM][1]
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"words")
    shutil.copy(SHIPPED / "vocab.txt", model)


@pytest.fixture
def nothing_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*words: object, **more: object) -> str:
        raise ConnectionError

    monkeypatch.setattr("huggingface_hub.hf_hub_download", nothing)
    monkeypatch.setattr("huggingface_hub.snapshot_download", nothing)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the checksum that the file's name holds, which made-up weights do not have."""
    monkeypatch.setattr("bench.models.pretrained.HASH_IN_NAME", re.compile("$^"))


def test_the_scale_finds_its_weights_in_packages_without_importing_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_to_be_had: None
) -> None:
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    config = configuration(["scale=small"])
    assert locate_encoder(str(config.model.encoder.pretrained)) == tmp_path / "site" / PACKAGES[LITE][1]
    assert locate_text(str(config.model.text.pretrained)) == tmp_path / "site" / PACKAGES[MINILM][1]
    assert configured_tokenizer(config).vocab_size == Tokenizer.load(None).vocab_size


def test_two_machines_with_the_same_packages_have_the_same_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_to_be_had: None, unchecked: None
) -> None:
    found = []
    for machine in ("one", "another"):
        install(tmp_path / machine)
        with monkeypatch.context() as here:
            here.syspath_prepend(tmp_path / machine)
            found.append(identity(configuration(["scale=small"]), 0, "data", text_digest, encoder_digest))
    assert found[0] == found[1]
    assert str(tmp_path) not in str(found[0])


def test_a_file_that_was_cut_off_is_not_the_one_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=f"begins with {hashlib.sha256(b'weights').hexdigest()[:8]}"):
        encoder_digest(LITE)


@pytest.mark.parametrize(("locate", "name"), [(locate_encoder, LITE), (locate_text, MINILM)])
def test_without_package_and_hub_the_command_that_installs_is_said(
    locate, name: str, monkeypatch: pytest.MonkeyPatch, nothing_to_be_had: None
) -> None:
    monkeypatch.setattr("bench.models.pretrained.installed", lambda pretrained: None)
    with pytest.raises(UserError, match="the hub") as error:
        locate(name)
    assert INSTALL in error.value.remedy
    assert "\n" not in error.value.remedy
