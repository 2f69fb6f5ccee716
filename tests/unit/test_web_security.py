"""The Content-Security-Policy, and where the tile server may come in."""

import pytest

from webapp import security


def test_without_tiles_only_our_own_pictures_are_shown() -> None:
    assert "img-src 'self' data:;" in security.content_policy("")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://tile.example.org/{z}/{x}/{y}.png", "https://tile.example.org"),
        ("https://{s}.tile.example.org/{z}/{x}/{y}.png", "https://*.tile.example.org"),
        ("http://10.0.0.5:8080/{z}/{x}/{y}.png", "http://10.0.0.5:8080"),
    ],
)
def test_the_tile_server_is_let_in_for_pictures_only(url: str, origin: str) -> None:
    policy = security.content_policy(url)
    assert f"img-src 'self' data: {origin};" in policy
    assert policy.count(origin) == 1


def test_nothing_inline_is_ever_allowed() -> None:
    assert "unsafe" not in security.content_policy("https://t.example/{z}/{x}/{y}")


@pytest.mark.parametrize("area", [None, "network", "customers", "fields"])
def test_no_page_but_the_technicians_may_ask_for_camera_or_place(area: str | None) -> None:
    assert security.device_policy(area) == "camera=(), geolocation=(), microphone=()"
    assert security.device_policy("field") == "camera=(self), geolocation=(self), microphone=()"
