"""The page in a real browser: upload, progress, result, correction, labels, Korean."""

from __future__ import annotations

import threading

import pytest

from ayolom import web

pytestmark = pytest.mark.browser

PATIENCE = 30  # seconds


@pytest.fixture
def page(browser, service, tmp_path):
    """The first page of a service that takes a moment for each photo."""
    pytest.importorskip("uvicorn")
    made, known, started = service(pause=0.2, corrections=tmp_path / "corrections"), {}, threading.Event()

    def ready(port, server):
        known.update(port=port, server=server)
        started.set()

    listener = web.listening(0)
    thread = threading.Thread(target=web.run_server, args=(made.app, listener, ready), daemon=True)
    thread.start()
    assert started.wait(PATIENCE)
    browser.get(f"http://127.0.0.1:{known['port']}/?lang=en")
    yield browser
    browser.get("about:blank")
    known["server"].should_exit = True
    thread.join(PATIENCE)
    listener.close()
    assert not thread.is_alive()


@pytest.fixture
def files(tmp_path, photo):
    """Two photos, one with markup in its name, and a text."""
    paths = []
    for name, content in (("a.jpg", photo(1)), ("<b onclick=x>.jpg", photo(2)), ("notes.jpg", b"no photo")):
        (tmp_path / name).write_bytes(content)
        paths.append(str(tmp_path / name))
    return paths


def until(browser, condition):
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    ignored = [StaleElementReferenceException, NoSuchElementException]
    return WebDriverWait(browser, PATIENCE, 0.05, ignored).until(lambda _: condition())


def css(browser, selector):
    return browser.find_element("css selector", selector)


def errors(browser):
    return [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]


def inspected(page, files):
    """Upload and wait for the result."""
    page.find_element("id", "files").send_keys("\n".join(files))
    until(page, lambda: page.find_element("id", "start").is_displayed())
    page.find_element("id", "start").click()
    until(page, lambda: page.find_element("id", "done").is_displayed())


def test_from_upload_to_labels(page, files, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.support.ui import Select

    page.find_element("id", "files").send_keys("\n".join(files))
    until(page, lambda: len(page.find_elements("css selector", "#list li")) == 3)
    assert "<b onclick=x>.jpg" in page.find_element("id", "list").text
    page.find_element("id", "start").click()
    until(page, lambda: "/jobs/" in page.current_url)
    until(page, lambda: "of 2" in page.find_element("id", "told").text)
    until(page, lambda: page.find_element("id", "done").is_displayed())
    assert "notes.jpg" in page.find_element("id", "done").text
    until(page, lambda: css(page, ".stage img").get_property("naturalWidth") == 160)
    assert len(page.find_elements("css selector", ".stage .box")) == 1

    css(page, ".card .row button:nth-child(2)").click()  # correct
    Select(css(page, ".card select[name=kind]")).select_by_value("scratch")
    css(page, ".card form .main").click()
    until(page, lambda: "corrected" in css(page, ".card").text)
    assert "scratch" in css(page, ".card h3").text

    page.find_element("id", "draw").click()
    until(page, lambda: css(page, ".stage.drawing"))
    stage = css(page, ".stage img")
    ActionChains(page).move_to_element_with_offset(stage, 10, 0).click_and_hold().move_by_offset(
        40, 30
    ).release().perform()
    assert css(page, ".stage .draft").is_displayed()
    assert int(page.find_element("id", "edge-right").get_property("value")) > 80
    Select(css(page, "#drawing select[name=kind]")).select_by_value("dent")
    css(page, "#drawing .main").click()
    until(page, lambda: len(page.find_elements("css selector", ".card[data-damage]")) == 2)
    assert "added" in css(page, ".card[data-damage=D2]").text
    assert "front left door" in css(page, ".card[data-damage=D2]").text

    page.find_element("id", "checked").click()
    until(page, lambda: page.find_element("id", "labels").is_enabled())
    page.find_element("id", "labels").click()
    until(page, lambda: "Pictures: 1, boxes: 2" in page.find_element("id", "said").text)
    assert len(list((tmp_path / "corrections" / "labels" / "train").iterdir())) == 1

    report = page.find_element("id", "report").get_attribute("href")
    address = page.current_url
    page.get(report)
    assert "A person reviewed these findings." in css(page, "body").text
    assert css(page, ".badge").value_of_css_property("border-top-left-radius") != "0px"  # its style is let through
    page.get(f"{address}?lang=ko")
    until(page, lambda: page.find_element("id", "done").is_displayed())
    assert page.find_element("id", "report").text == "보고서 열기"
    assert "긁힘" in css(page, ".card h3").text
    page.get(page.find_element("id", "report").get_attribute("href"))
    assert "사람이 이 결과를 검토했습니다" in css(page, "body").text
    assert not errors(page)


def test_by_keyboard_alone(page, files):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    def press(*keys):
        ActionChains(page).send_keys(*keys).perform()

    press(Keys.TAB)
    assert page.switch_to.active_element.text == "To the content"
    page.find_element("id", "files").send_keys(files[0])
    page.execute_script("document.getElementById('start').focus()")
    press(Keys.ENTER)
    until(page, lambda: page.find_element("id", "done").is_displayed())
    page.execute_script("document.getElementById('draw').focus()")
    press(Keys.ENTER)
    until(page, lambda: page.switch_to.active_element.get_attribute("id") == "drawing")
    for value in ("10", "10", "60", "50"):
        press(Keys.TAB, value)
    assert page.switch_to.active_element.get_attribute("id") == "edge-bottom"
    press(Keys.TAB, Keys.TAB, "s")  # past "seen already" to the kind: scratch
    press(Keys.ENTER)
    if len(page.find_elements("css selector", ".card[data-damage]")) < 2:
        page.execute_script("document.querySelector('#drawing .main').focus()")
        press(Keys.ENTER)
    until(page, lambda: len(page.find_elements("css selector", ".card[data-damage]")) == 2)
    assert "scratch" in css(page, ".card[data-damage=D2]").text
    assert not errors(page)


def test_on_a_phone_nothing_is_cut_off(page, files):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        for lang in ("en", "ko"):
            page.get(f"{page.current_url.partition('?')[0]}?lang={lang}")
            assert page.execute_script("return document.documentElement.scrollWidth") <= 390
        inspected(page, files[:1])
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
        heights = [button.size["height"] for button in page.find_elements("css selector", "#done .row button")]
        assert min(height for height in heights if height) >= 40
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_deleted_inspection_is_gone(page, files):
    inspected(page, files[:1])
    address = page.current_url
    page.find_element("id", "delete").click()
    css(page, "#ask button[value=yes]").click()
    until(page, lambda: "were deleted" in page.find_element("id", "wait-title").text)
    page.get(address)
    assert "Not here any more" in css(page, "h1").text
