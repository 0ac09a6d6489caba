"""Who may ask, and what every answer carries."""

from __future__ import annotations

import pytest

from ayolom.errors import AyolomError
from ayolom.serve._pages import Speaker, style_hashes
from ayolom.serve._serve import Settings, address
from ayolom.web import is_local

TOKEN = "a-token-of-24-characters"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("127.0.0.1:8600", 200, id="address"),
        pytest.param("localhost", 200, id="name"),
        pytest.param("[::1]:8600", 200, id="ipv6"),
        pytest.param("evil.example", 421, id="rebound"),
        pytest.param("127.0.0.1.evil.example", 421, id="like-ours"),
        pytest.param("192.168.1.4", 421, id="other-address"),
        pytest.param("[", 421, id="broken"),
        pytest.param("proxy.example", 200, id="told"),
    ],
)
def test_only_our_own_names_are_answered(client, host, status):
    asked = client(start=False, hosts=("proxy.example",))
    answer = asked.http.get(f"{asked.api}/service", headers={"host": host})
    assert answer.status_code == status
    assert (answer.headers["content-type"] == "application/problem+json") == (status != 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 404, id="no-page"),
        pytest.param({"origin": "http://127.0.0.1:8600", "sec-fetch-site": "same-origin"}, 404, id="our-page"),
        pytest.param({"origin": "http://evil.example"}, 403, id="other-site"),
        pytest.param({"origin": "http://127.0.0.1:9999"}, 403, id="other-port"),
        pytest.param({"origin": "null"}, 403, id="sandbox"),
        pytest.param({"sec-fetch-site": "cross-site"}, 403, id="told-by-the-browser"),
    ],
)
def test_pages_of_other_sites_change_nothing(client, headers, status):
    asked = client(start=False)
    assert asked.http.delete(f"{asked.api}/jobs/none", headers=headers).status_code == status


def test_a_token_opens_by_header_link_and_form(client):
    asked = client(start=False, token=TOKEN)
    service = f"{asked.api}/service"
    refused = asked.http.get(service)
    assert (refused.status_code, refused.json()["code"]) == (401, "token")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", "Bearer \u00e9".encode("latin-1")):
        assert asked.http.get(service, headers={"authorization": wrong}).status_code == 401
    assert asked.http.get(service, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    page = asked.http.get("/", headers={"accept": "text/html"}, follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    assert asked.http.get("/login?token=wrong").status_code == 401
    assert asked.http.post("/login", data={"token": "wrong"}).status_code == 401
    entered = asked.http.post("/login", data={"token": TOKEN}, follow_redirects=False)
    assert entered.status_code == 303
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert asked.http.get(service).status_code == 200
    asked.http.cookies.clear()
    assert asked.http.get(f"/login?token={TOKEN}").status_code == 200
    assert asked.http.get(service).status_code == 200


def test_the_token_is_compared_in_constant_time(client, monkeypatch):
    asked, compared = client(start=False, token=TOKEN), []
    monkeypatch.setattr("hmac.compare_digest", lambda one, other: compared.append((one, other)) or False)
    asked.http.get(f"{asked.api}/service", headers={"authorization": "Bearer x"})
    assert compared == [(b"x", TOKEN.encode())]


def test_another_host_gets_a_token_of_its_own(service):
    first, second = (service(start=False, host="0.0.0.0").token for _ in range(2))
    assert first != second
    assert len(first) >= 40
    assert service(start=False).token is None
    assert address(Settings("m.pt", host="0.0.0.0"), 1, first) == f"http://127.0.0.1:1/login?token={first}"
    assert address(Settings("m.pt", host="::1"), 1, None) == "http://[::1]:1/"
    with pytest.raises(AyolomError, match="token: must have 16"):
        service(start=False, token="short")


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("car", False)]
)
def test_what_is_this_machine_alone(host, local):
    assert is_local(host) == local


@pytest.mark.parametrize("path", ["/", "/api", "/login", "/jobs/none", "/static/job.js", "/openapi.json", "/nowhere"])
def test_every_answer_has_safe_headers(client, path):
    answer = client(start=False).http.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_pages_load_nothing_from_elsewhere(client):
    asked = client(start=False)
    for path in ("/", "/api", "/login"):
        page = asked.http.get(path).text
        assert "http://" not in page.replace("http://127.0.0.1:8600", "").replace("http://www.w3.org", "")
        assert "https://" not in page
        assert " onclick=" not in page
        assert " style=" not in page
        assert style_hashes(page) in asked.http.get(path).headers["content-security-policy"]


def test_a_large_body_is_refused_where_no_upload_is(client):
    asked = client(start=False)
    answer = asked.http.patch(f"{asked.api}/jobs/x/damages/D1", content=b"{" + b" " * 100_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body")


def test_whatever_fails_is_told_without_its_inside(client, monkeypatch):
    asked = client(start=False)
    monkeypatch.setattr(asked.service.desk, "service", lambda language: 1 / 0)
    answer = asked.http.get(f"{asked.api}/service")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "division" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("query", "header", "code"),
    [
        pytest.param("?lang=ko", "en", "ko", id="parameter"),
        pytest.param("", "ko-KR,ko;q=0.9,en;q=0.8", "ko", id="browser"),
        pytest.param("", "fr,de;q=0.5", "en", id="default"),
        pytest.param("?lang=../../etc", "", "en", id="unknown"),
    ],
)
def test_the_language_of_a_request(client, query, header, code):
    asked = client(start=False)
    answer = asked.http.get(f"/{query}", headers={"accept-language": header})
    assert f'<html lang="{code}">' in answer.text
    problem = asked.http.get(f"{asked.api}/jobs/none{query}", headers={"accept-language": header})
    assert problem.headers["content-language"] == code
    assert isinstance(asked.http.app.state.speaker, Speaker)
