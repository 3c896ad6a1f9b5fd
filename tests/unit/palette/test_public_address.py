"""Which addresses may be visited: by example, then as a law."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.palette.public_address import (
    AddressMistakenError,
    AddressRefusedError,
    follow,
    is_public,
    read_url,
)

WEB = (80, 443)
NOT_GLOBAL = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48",
    "100::/64", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "2002::/16", "3fff::/20",
    "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1"]


@st.composite
def addresses_of(draw, networks=NOT_GLOBAL):
    network = ipaddress.ip_network(draw(st.sampled_from(networks)))
    return network[draw(st.integers(0, network.num_addresses - 1))]


@given(addresses_of())
def test_no_address_of_a_range_that_is_not_global_ever_passes(address):
    assert not is_public(str(address))
    assert not is_public(address.exploded)


@given(st.ip_addresses())
def test_what_passes_is_global_for_the_standard_library_too(address):
    if is_public(str(address)):
        assert address.is_global
        assert not any((address.is_private, address.is_multicast, address.is_reserved, address.is_loopback))
        assert getattr(address, "ipv4_mapped", None) is getattr(address, "sixtofour", None) is None


@given(addresses_of(), st.sampled_from(["http", "HTTPS"]))
def test_no_such_address_passes_as_a_host(address, scheme):
    host = f"[{address}]" if address.version == 6 else str(address)
    with pytest.raises(AddressRefusedError):
        read_url(f"{scheme}://{host}/picture.png", WEB)


@given(st.text(max_size=40))
def test_any_text_is_read_as_a_plain_address_or_refused(text):
    for url in (text, f"http://{text}", f"http://{text}/a", f"http://a.example{text}"):
        try:
            target = read_url(url, WEB)
        except (AddressMistakenError, AddressRefusedError):
            continue
        assert target.port in WEB
        assert target.path.startswith("/")
        assert target.url.isascii()
        assert not set(target.host) & set("@\\/?#% ")
        assert read_url(target.url, WEB) == target


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address", ["fe80::1%eth0", "2606:4700::1%1", "2606:4700::5efe:10.0.0.1", "", "localhost", "1"]
)
def test_what_is_bound_to_a_link_a_tunnel_or_no_address_does_not_pass(address):
    assert not is_public(address)


def test_an_address_is_read_and_its_usual_variety_normalized():
    target = read_url("HTTPS://Example.COM./a b?q=ä#part".replace(" ", "%20"), WEB)
    assert (target.scheme, target.host, target.port, target.path) == ("https", "example.com", 443, "/a%20b?q=%C3%A4")
    assert read_url("http://example.com", WEB).url == "http://example.com:80/"
    assert read_url("http://[2606:4700:4700:0::1111]:80/", WEB).host == "2606:4700:4700::1111"


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "//example.com", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
        "http:/example.com", "http:///example.com", "http://", "http://user@example.com/", "http://u:p@example.com/",
        "http://example.com@127.0.0.1/", "http://127.0.0.1\\@example.com/", "http://example.com\\.evil/",
        "http://exa mple.com/", "http://example.com/\r\nHost: evil", "http://example.com/\x00", "http://ex\u2026ample/",
        "http://\uff11\uff12\uff17.0.0.1/", "http://\u2460\u2461\u2466.0.0.1/", "http://127\u30020\u30020\u30021/",
        "http://ex%61mple.com/", "http://example..com/", "http://.example.com/", "http://-a.example/",
        "http://example.com..", "http://[::1/", "http://::1/", "http://[::1%25lo]/", "http://[::1]x/",
        "http://example.com:/", "http://example.com:8o/", "http://example.com:123456/", "jar:http://example.com!/a",
        "http://" + "a" * 64 + ".example/", "http://example.com/" + "a" * 2048,
    ],
)  # fmt: skip
def test_what_two_readers_could_read_differently_is_no_address(url):
    with pytest.raises(AddressMistakenError):
        read_url(url, WEB)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1",
        "127.0.0.01", "0", "0.0.0.0", "127.0.0.1.", "0x7f.1", "localhost.1", "1.2.3.4.5", "256.1.1.1", "0x", "[::]",  # noqa: S104
        "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
        "[0:0:0:0:0:0:0:1]", "[fe80::1]", "[fd00::1]", "169.254.169.254", "2852039166", "100.100.100.200",
    ],
)  # fmt: skip
def test_every_spelling_of_an_address_inside_is_refused(host):
    with pytest.raises(AddressRefusedError):
        read_url(f"http://{host}/", WEB)


@pytest.mark.parametrize("port", ["22", "0", "8080", "99999"])
def test_other_ports_are_refused(port):
    with pytest.raises(AddressRefusedError):
        read_url(f"http://example.com:{port}/", WEB)
    assert read_url("http://example.com:8080/", (8080,)).port == 8080


def test_redirects_are_read_as_strictly():
    start = read_url("https://example.com/a/b.png?x", WEB)
    assert follow(start, "/c.png", WEB).url == "https://example.com:443/c.png"
    assert follow(start, "//other.example/c", WEB).url == "https://other.example:443/c"
    for location in ("http://127.0.0.1/", "//[::1]/", "http://169.254.169.254/latest"):
        with pytest.raises(AddressRefusedError):
            follow(start, location, WEB)
    for location in ("file:///etc/passwd", "http://[/", "http://u@example.com/", "https:\\\\127.0.0.1/"):
        with pytest.raises(AddressMistakenError):
            follow(start, location, WEB)
