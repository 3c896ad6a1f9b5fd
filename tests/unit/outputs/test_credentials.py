"""Credentials are taken again when their files have changed, have come to rest, and are good."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sorter.errors import ConfigurationError
from sorter.outputs.credentials import CredentialWatch, Renewed, Unfit, open_to_everybody, read_credentials
from sorter.settings.mqtt import MqttSettings

MAKE = Path(__file__).parents[3] / "deploy" / "mosquitto" / "make_certificates.sh"
FILES = {"tls_ca_file": "ca.pem", "tls_certificate_file": "sorter.pem", "tls_key_file": "sorter.key"}
ALL_FILES = {**FILES, "password_file": "password"}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    """Two folders of certificates, each of an authority of its own."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("old", "new"):
        command = [str(MAKE), str(folder / name), "localhost", "127.0.0.1"]
        subprocess.run(command, check=True, capture_output=True)
    return folder


def copy(source: Path, target: Path, *names: str) -> None:
    for name in names:
        (target / name).write_bytes((source / name).read_bytes())


@pytest.fixture
def folder(pairs, tmp_path) -> Path:
    copy(pairs / "old", tmp_path, *FILES.values())
    (tmp_path / "password").write_text("old\n")
    return tmp_path


@pytest.fixture
def watch(folder) -> CredentialWatch:
    settings = MqttSettings(username="sorter", **ALL_FILES)
    return CredentialWatch(settings, folder, every_s=10.0, settle_s=1.0)


def test_files_that_do_not_change_are_no_news(watch):
    assert [watch.look(now_s, connected=True) for now_s in (0.0, 5.0, 10.0, 11.0, 20.0)] == [None] * 5


def test_a_changed_password_is_taken_once_it_has_looked_the_same_twice(watch, folder):
    assert watch.look(0.0, connected=True) is None
    (folder / "password").write_text("s3cret\n")
    assert watch.look(9.9, connected=True) is None, "not looked at yet"
    assert watch.look(10.0, connected=True) is None, "seen"
    renewed = watch.look(11.0, connected=True)
    assert isinstance(renewed, Renewed)
    assert (renewed.credentials.password, renewed.keys) == ("s3cret", ("password_file",))
    assert "s3cret" not in repr(renewed), "a secret is never shown"
    assert watch.look(100.0, connected=True) is None, "once"


def test_while_there_is_no_connection_somebody_may_be_mending_the_files(watch, folder):
    watch.look(0.0, connected=False)
    (folder / "password").write_text("s3cret\n")
    watch.look(1.0, connected=False)
    assert isinstance(watch.look(2.0, connected=False), Renewed)


def test_a_certificate_without_its_key_is_told_once_and_taken_when_the_key_has_come(watch, folder, pairs):
    watch.look(0.0, connected=True)
    copy(pairs / "new", folder, "sorter.pem")
    news = [watch.look(now_s, connected=True) for now_s in (10.0, 11.0, 21.0, 31.0)]
    assert isinstance(news[1], Unfit)
    assert "is not the key of the certificate" in news[1].sentence
    assert news[0] is news[2] is news[3] is None
    copy(pairs / "new", folder, "sorter.key")
    assert watch.look(41.0, connected=True) is None
    renewed = watch.look(42.0, connected=True)
    assert isinstance(renewed, Renewed)
    assert renewed.keys == ("tls_certificate_file", "tls_key_file")


def test_what_is_put_back_as_it_was_is_no_news(watch, folder, pairs):
    watch.look(0.0, connected=True)
    for source, now_s in (("new", 10.0), ("old", 11.0), ("old", 21.0)):
        copy(pairs / source, folder, "ca.pem")
        assert watch.look(now_s, connected=True) is None


def test_a_file_that_is_gone_is_told_once(watch, folder):
    watch.look(0.0, connected=True)
    (folder / "sorter.key").unlink()
    news = [watch.look(now_s, connected=True) for now_s in (10.0, 11.0, 21.0)]
    assert isinstance(news[1], Unfit)
    assert "sorter.key cannot be read (No such file" in news[1].sentence
    assert news[2] is None


def test_the_broker_is_checked_by_name_and_by_authority_and_no_old_tls_is_spoken(folder):
    context = read_credentials(MqttSettings(**FILES), folder).tls
    assert context is not None
    assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")
    assert context.minimum_version.name == "TLSv1_2"
    assert len(context.get_ca_certs()) == 1, "no other authority is trusted"


def test_tls_alone_trusts_the_authorities_of_the_system():
    assert read_credentials(MqttSettings(tls=True), Path()).tls is not None
    assert read_credentials(MqttSettings(), Path()).tls is None


@pytest.mark.parametrize("source", [{"username_env": "BROKER_USER"}, {"username_file": "user"}])
def test_the_user_name_comes_from_the_environment_or_a_file(source, tmp_path, monkeypatch):
    monkeypatch.setenv("BROKER_USER", "line")
    (tmp_path / "user").write_text("line\r\n")
    assert read_credentials(MqttSettings(**source), tmp_path).username == "line"


def test_a_secret_that_everybody_can_read_is_told(folder):
    settings = MqttSettings(username="sorter", **ALL_FILES)
    (folder / "password").chmod(0o640)
    (folder / "sorter.key").chmod(0o604)
    (told,) = open_to_everybody(settings, folder)
    assert str(folder / "sorter.key") in told
    assert "chmod o-rwx" in told


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(folder):
    locked = folder / "locked.key"
    command = f"openssl pkey -in {folder}/sorter.key -aes256 -passout pass:secret -out {locked}"
    subprocess.run(command.split(), check=True)
    with pytest.raises(ConfigurationError, match="locked with a passphrase"):
        read_credentials(MqttSettings(**FILES | {"tls_key_file": "locked.key"}), folder)
