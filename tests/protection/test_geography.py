"""Where videos play: countries by address and by a trusted header, in every family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from app import create_app
from config import SettingError, Settings
from embedded.handover import behind_nginx
from models.user import Role
from services import container
from services.adapters.countries import MaxMindCountries
from services.policies import Actor, Place
from tests.wire import failed

GERMAN, FRENCH, GERMAN_6, UNKNOWN = "203.0.113.7", "198.51.100.7", "2001:db8:1::7", "192.0.2.7"
STREAMS = {
    "platform": "/api/videos/{}/stream",
    "client": "/stream/{}",
    "mobile": "/video/{}/stream",
    "licence": "/stream/{}/license",
}


def write_database(path: Path, places: dict[str, str], field: str = "country") -> None:
    """A file in MaxMind's format, put in place by a rename as geoipupdate does it."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    for network, country in places.items():
        writer.insert_network(IPSet([network]), {field: {"iso_code": country}})
    writer.to_db_file(str(path.with_suffix(".new")))
    path.with_suffix(".new").replace(path)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "countries.mmdb"
    write_database(path, {"203.0.113.0/24": "DE", "198.51.100.0/24": "FR", "2001:db8:1::/48": "DE"})
    return path


@pytest.fixture
def settings(settings: Settings, database: Path, request) -> Settings:
    named = {"geoip_database": str(database), **getattr(request, "param", {})}
    return replace(settings, **named)


@pytest.fixture
def play(client, services) -> Callable:
    """Ask for a stream as if from an address."""

    def ask(person, video, address: str = UNKNOWN, family: str = "client", **headers: str) -> Any:
        token = services.catalogue.tokens.playback(person.user.id, video)
        return client.get(
            f"{STREAMS[family].format(video.id)}?token={token}",
            headers=person.headers | {k.replace("_", "-"): v for k, v in headers.items()},
            environ_base={"REMOTE_ADDR": address},
        )

    return ask


@pytest.mark.parametrize("family", STREAMS)
def test_a_video_does_not_play_in_the_countries_it_names(play, ann, add_video, family):
    video = add_video(ann, geo_restrictions=("DE", "AT"), drm_enabled=True)
    for address in (GERMAN, GERMAN_6, f"::ffff:{GERMAN}"):
        failed(play(ann, video, address, family), 451, "GEO_BLOCKED")
    for address in (FRENCH, UNKNOWN, "127.0.0.1"):
        assert play(ann, video, address, family).status_code != 451


def test_a_video_without_limits_plays_everywhere(play, ann, add_video):
    for address in (GERMAN, FRENCH, UNKNOWN):
        assert play(ann, add_video(ann), address).status_code == 200


def test_limits_bind_its_owner_and_staff_as_well(play, ann, join, add_video):
    video = add_video(ann, geo_restrictions=("DE",))
    for person in (ann, join("boss", role=Role.ADMIN)):
        failed(play(person, video, GERMAN), 451, "GEO_BLOCKED")


def test_who_has_no_right_to_a_video_is_not_told_of_its_limits(
    play, client, ann, bob, add_video, services
):
    video = add_video(ann, geo_restrictions=("DE",))
    wrong = services.catalogue.tokens.playback(bob.user.id, video)
    path = f"/stream/{video.id}?token={wrong}"
    answer = client.get(path, headers=ann.headers, environ_base={"REMOTE_ADDR": GERMAN})
    failed(answer, 403, "FORBIDDEN")


@pytest.mark.parametrize("settings", [{"geo_blocked": ("DE",)}], indirect=True)
def test_the_sites_own_list_holds_for_every_video(play, ann, add_video, services):
    seeded = services.seeding.youtube()[0]
    for video in (add_video(ann), add_video(ann, geo_restrictions=("FR",)), seeded):
        failed(play(ann, video, GERMAN), 451, "GEO_BLOCKED")
    assert play(ann, add_video(ann), FRENCH).status_code == 200


@pytest.mark.parametrize("settings", [{"geo_unknown": "block"}], indirect=True)
def test_an_unknown_country_may_be_counted_as_a_blocked_one(play, ann, add_video):
    limited = add_video(ann, geo_restrictions=("DE",))
    failed(play(ann, limited, UNKNOWN), 451, "GEO_BLOCKED")
    assert play(ann, limited, FRENCH).status_code == 200
    assert play(ann, add_video(ann), UNKNOWN).status_code == 200


# A header


def behind_a_proxy(settings: Settings, ann, add_video, **headers: str) -> Any:
    services = container.build(settings)
    video = add_video(ann, geo_restrictions=("DE",))
    token = services.catalogue.tokens.playback(ann.user.id, video)
    return (
        create_app(services)
        .test_client()
        .get(
            f"/stream/{video.id}?token={token}",
            headers=ann.headers | {n.replace("_", "-"): v for n, v in headers.items()},
            environ_base={"REMOTE_ADDR": "10.0.0.1"},
        )
    )


CDN = {"geo_country_header": "CF-IPCountry", "trusted_proxies": 1}


@pytest.mark.parametrize(
    ("changes", "country", "address", "status"),
    [
        (CDN, "DE", FRENCH, 451),
        (CDN, "de", FRENCH, 451),
        (CDN, "FR", GERMAN, 200),
        # Cloudflare's words for "unknown" and for Tor: the address decides.
        (CDN, "XX", GERMAN, 451),
        (CDN, "T1", GERMAN, 451),
        (CDN, "", GERMAN, 451),
        (CDN, "DE, FR", FRENCH, 200),
        # Without a proxy to trust anybody could write it.
        (CDN | {"trusted_proxies": 0}, "DE", "", 200),
        ({"trusted_proxies": 1}, "DE", FRENCH, 200),
    ],
)
def test_a_header_is_believed_only_from_behind_a_trusted_proxy(
    settings, ann, add_video, changes, country, address, status
):
    forwarded = {"x_forwarded_for": address} if address else {}
    answer = behind_a_proxy(
        replace(settings, **changes), ann, add_video, cf_ipcountry=country, **forwarded
    )
    assert answer.status_code == status, answer.json


@pytest.mark.parametrize(("trusted", "country"), [(0, ""), (1, "DE")])
def test_the_stacks_own_nginx_knows_of_no_country(settings, ann, add_video, trusted, country):
    """It is a proxy to trust, but it passes on what clients say."""
    configured = replace(settings, trusted_proxies=trusted, geo_country_header="CF-IPCountry")
    told = behind_nginx(configured, Path("nginx"))
    header = told.get("GEO_COUNTRY_HEADER", configured.geo_country_header)
    seen = {"trusted_proxies": int(told["TRUSTED_PROXIES"]), "geo_country_header": header}
    answer = behind_a_proxy(replace(settings, **seen), ann, add_video, cf_ipcountry="DE")
    assert answer.status_code == (451 if country else 200)


# The file


def test_a_newer_file_is_noticed_and_a_broken_one_is_not_taken(database):
    countries = MaxMindCountries(database)
    assert (countries.country_of(GERMAN), countries.country_of(FRENCH)) == ("DE", "FR")
    write_database(database, {"203.0.113.0/24": "CH"})
    assert (countries.country_of(GERMAN), countries.country_of(FRENCH)) == ("CH", None)
    broken = database.with_suffix(".broken")
    broken.write_bytes(b"not a database")
    broken.replace(database)
    assert countries.country_of(GERMAN) == "CH"
    database.unlink()
    assert countries.country_of(GERMAN) == "CH"
    write_database(database, {"203.0.113.0/24": "IT"})
    assert countries.country_of(GERMAN) == "IT"


def test_where_a_file_has_no_country_the_registered_one_counts(tmp_path):
    path = tmp_path / "registered.mmdb"
    write_database(path, {"203.0.113.0/24": "DE"}, field="registered_country")
    assert MaxMindCountries(path).country_of(GERMAN) == "DE"


@pytest.mark.parametrize("address", ["", "unix:", "not an address", "10.0.0.300", "::1"])
def test_what_is_no_address_is_in_no_country(database, address):
    assert MaxMindCountries(database).country_of(address) is None


@pytest.mark.parametrize("content", [None, b"", b"not a database"])
def test_an_unusable_file_is_said_at_the_start(settings, tmp_path, content):
    path = tmp_path / "wrong.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingError, match="GEOIP_DATABASE"):
        container.build(replace(settings, geoip_database=str(path)))


@pytest.mark.parametrize("text", ["DEU", "Germany", "D", "12"])
def test_a_list_of_countries_is_made_of_codes(text):
    with pytest.raises(SettingError, match="GEO_BLOCKED"):
        Settings.from_env({"GEO_BLOCKED": f"FR,{text}"})
    assert Settings.from_env({"GEO_BLOCKED": "de, fr"}).geo_blocked == ("DE", "FR")


def test_a_video_without_limits_asks_for_no_country(services):
    class Unasked:
        def country_of(self, address: str) -> str | None:
            raise AssertionError(address)

    geography = replace(services.playback.geography, countries=Unasked())
    video = services.seeding._demo_video(0, ["x"], services.people.now())
    geography.check(Actor(id="x", place=Place(GERMAN)), video)
