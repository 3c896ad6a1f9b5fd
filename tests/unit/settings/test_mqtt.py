"""What of the broker's settings belongs together, told at the key."""

from __future__ import annotations

import pytest

from sorter.settings.load import load_project


@pytest.mark.parametrize(
    ("mqtt", "told_at_the_key"),
    [
        (
            "{tls: true, tls_certificate_file: c.pem}",
            "2:41: mqtt.tls_certificate_file: it needs tls_key_file beside it: give both, or none",
        ),
        (
            "{tls: true, tls_key_file: c.key}",
            "2:33: mqtt.tls_key_file: it needs tls_certificate_file beside it: give both, or none",
        ),
        (
            "{tls_certificate_file: c.pem, tls_key_file: c.key}",
            "2:30: mqtt.tls_certificate_file: it is used with TLS only: add tls_ca_file, or tls: true",
        ),
        ("{username: a, username_env: B}", "2:7: mqtt: username and username_env are given together: keep one"),
        (
            "{client_id: a/b}",
            "2:19: mqtt.client_id: must be a client id without +, # and /, got 'a/b'",
        ),
    ],
)
def test_a_mistake_is_told_at_its_key(write, told, site_text, mqtt, told_at_the_key):
    write("sorter.yaml", site_text.replace("site: plant", f"site: plant\nmqtt: {mqtt}"))
    sentences = told(load_project, "sorter.yaml")
    assert f"sorter.yaml:{told_at_the_key}" in sentences
