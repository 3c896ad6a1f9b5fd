from __future__ import annotations

from pathlib import Path

import pytest

from sorter.errors import ConfigurationError
from sorter.outputs.mqtt_client import make_client
from sorter.settings.site import MqttProtocol, MqttSettings


def test_the_password_is_read_from_the_environment_or_the_first_line_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("BROKER_PASSWORD", "s3cret")
    (tmp_path / "password").write_text("s3cret\n")
    for source in ({"password_env": "BROKER_PASSWORD"}, {"password_file": "password"}):
        client = make_client("sorter", MqttSettings(username="line", **source), tmp_path)
        assert (client.username, client.password) == ("line", "s3cret")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"username": "line", "password_env": "NOT_SET_ANYWHERE"}, "environment variable NOT_SET_ANYWHERE"),
        ({"username": "line", "password_file": "missing"}, r"missing cannot be read \(No such file"),
        ({"username": "line", "password_file": "binary"}, "not UTF-8"),
        ({"password_env": "HOME"}, "add mqtt.username"),
        ({"tls_ca_file": "missing"}, r"missing cannot be read \(No such file"),
        ({"tls_ca_file": "empty"}, "no certificate in PEM form"),
    ],
)
def test_bad_credentials_are_told_in_one_sentence(tmp_path, settings, sentence):
    (tmp_path / "empty").write_text("")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        make_client("sorter", MqttSettings(**settings), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("protocol", MqttProtocol)
def test_two_clients_of_one_name_do_not_throw_each_other_out(protocol):
    settings = MqttSettings(protocol=protocol)
    first, second = (make_client("sorter-plant-one", settings, Path()) for _ in range(2))
    assert first._client_id != second._client_id
    assert first._client_id.startswith(b"sorter-plant-one-")


def test_a_client_id_that_is_given_begins_the_id_and_the_line_ends_it():
    client = make_client("sorter-plant-one", MqttSettings(client_id="press"), Path(), "line 1")
    assert client._client_id == b"press-line 1"
    assert make_client("diverter", MqttSettings(client_id="press"), Path())._client_id.startswith(b"diverter-")
