"""Which addresses webhooks may go to."""

from __future__ import annotations

import pytest

from services.adapters.reach import OutOfReach, Reach

ANY = "0.0.0.0"  # noqa: S104 - not bound
STRICT = Reach()
AT_HOME = Reach(allows_http=True, allows_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://93.184.216.34/hook?x=1",
        "https://hooks.example.com",
        "https://hooks.example.com:8443/a/b",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/",
    ],
)
def test_the_public_internet_is_within_reach(url):
    assert STRICT.check(url).scheme == "https"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.8.9.1", ANY, "10.1.2.3", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]",
        "[ff02::1]", "[fec0::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[64:ff9b:1::a00:1]",
        "[::127.0.0.1]", "[::ffff:0:10.0.0.1]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "localhost", "LOCALHOST.", "app.localhost",
    ],
)  # fmt: skip
def test_nobodys_own_network_is(host):
    with pytest.raises(OutOfReach):
        STRICT.check(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/", "ftp://hooks.example.com/", "hooks.example.com", "",
        "https://", "https:///x", "https://a:b@hooks.example.com/", "https://x.example/#y",
        "https://hooks.example.com:99999/", "https://[::1", "https://exämple.com/",
        "https://hooks.example.com/a b", "https://hooks.example.com/\r\nX: y",
        "https://hooks.example.com\\@127.0.0.1/", "https://x.example/" + "a" * 2000,
    ],
)  # fmt: skip
def test_what_is_no_plain_https_address_is_refused(url):
    with pytest.raises(OutOfReach):
        STRICT.check(url)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.0.0.1", "017700000001"])
def test_odd_spellings_of_an_address_are_judged_by_what_they_lead_to(host):
    with pytest.raises(OutOfReach):
        STRICT.resolve(host, 443)


def test_a_name_is_judged_by_every_address_that_it_has():
    with pytest.raises(OutOfReach, match="public internet"):
        STRICT.resolve("localhost", 443)
    assert AT_HOME.resolve("localhost", 443) in {"127.0.0.1", "::1"}
    with pytest.raises(OutOfReach, match="not known"):
        AT_HOME.resolve("no-such-name.invalid", 443)


def test_whoever_allows_private_networks_has_them_but_never_a_clouds_metadata():
    for host in ("127.0.0.1", "10.0.0.1", "[::1]", "[fd12::1]", "localhost"):
        AT_HOME.check(f"http://{host}/")
    for host in ("169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", ANY):
        with pytest.raises(OutOfReach):
            AT_HOME.check(f"http://{host}/")
