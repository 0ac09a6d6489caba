"""The pages and the gallery in a real browser without a screen."""

from __future__ import annotations

import threading

import pytest

from ayolom.data.view import serve, write_gallery

pytestmark = pytest.mark.browser

PATIENCE = 20  # seconds


@pytest.fixture
def address(browser, view):
    """The pages of `cars`, served for the length of a test."""
    pytest.importorskip("uvicorn", reason='the pages need pip install "ayolom[web]"')
    known, started = {}, threading.Event()

    def ready(port, server):
        known.update(port=port, server=server)
        started.set()

    thread = threading.Thread(target=serve, args=(view(), 0, ready), daemon=True)
    thread.start()
    assert started.wait(PATIENCE)
    yield f"http://127.0.0.1:{known['port']}/"
    browser.get("about:blank")  # asks for nothing more, and what it said so far is of this test
    errors(browser)
    known["server"].should_exit = True
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.fixture
def page(browser, address):
    """The first page, all predicted."""
    browser.get(address)
    until(browser, lambda: "6 of 6 predicted" in browser.find_element("id", "progress").text)
    return browser


def until(browser, condition):
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, PATIENCE, 0.05, [StaleElementReferenceException]).until(lambda _: condition())


def figures(browser):
    found = browser.find_elements("css selector", "figure[data-number]")
    return [int(figure.get_attribute("data-number")) for figure in found]


def press(browser, key):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(key).perform()


def errors(browser):
    return [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]


def test_labels_beside_predictions(page):
    figure = page.find_element("css selector", "figure[data-number='1']")
    until(page, lambda: len(figure.find_elements("css selector", "img")) == 2)
    until(page, lambda: all(image.get_property("naturalWidth") for image in figure.find_elements("tag name", "img")))
    left, right = (image.rect for image in figure.find_elements("tag name", "img"))
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]
    assert "damage 0.67" in figure.text
    assert not errors(page)


def test_filter_by_class(page):
    from selenium.webdriver.support.ui import Select

    Select(page.find_element("name", "shown_class")).select_by_visible_text("parts: right_door")
    page.find_element("css selector", "form.filters button").click()
    until(page, lambda: figures(page) == [6])
    assert Select(page.find_element("name", "shown_class")).first_selected_option.text == "parts: right_door"


def test_worst_first(page):
    from selenium.webdriver.support.ui import Select

    Select(page.find_element("name", "task")).select_by_value("damage")
    Select(page.find_element("name", "sort")).select_by_value("worst")
    page.find_element("css selector", "form.filters button").click()
    until(page, lambda: figures(page)[:3] == [3, 1, 2])


def test_next_page(browser, address, monkeypatch):
    monkeypatch.setattr("ayolom.data.view._app.PAGE", 4)
    browser.get(address)
    until(browser, lambda: figures(browser) == [1, 2, 3, 4])
    browser.find_element("css selector", "a[rel='next']").click()
    until(browser, lambda: figures(browser) == [5, 6])


def test_keyboard_alone(page):
    from selenium.webdriver.common.keys import Keys

    press(page, Keys.TAB)
    assert page.switch_to.active_element.text == "To the pictures"
    press(page, Keys.TAB)
    focused = page.switch_to.active_element
    assert focused.get_attribute("name") == "task"
    assert focused.value_of_css_property("outline-style") == "solid"
    page.get(page.current_url + "image/1")
    press(page, Keys.ARROW_RIGHT)
    until(page, lambda: page.current_url.endswith("/image/2"))
    press(page, Keys.ARROW_LEFT)
    until(page, lambda: page.current_url.endswith("/image/1"))
    press(page, Keys.ESCAPE)
    until(page, lambda: page.current_url.endswith("/?page=1"))


def test_tasks_are_drawn_or_not(page):
    page.get(page.current_url + "image/1")
    source = page.find_element("css selector", ".side img").get_attribute("src")
    page.find_element("css selector", "input[value='parts']").click()
    page.find_element("css selector", "form.filters button").click()
    until(page, lambda: "draw=damage" in page.current_url)
    assert page.find_element("css selector", ".side img").get_attribute("src") != source
    assert not page.find_element("css selector", "input[value='parts']").is_selected()


def test_markup_in_a_class_name_stays_text(page):
    assert "<img src=x onerror=alert(1)>" in page.find_element("css selector", "figure[data-number='1']").text
    assert not page.find_elements("css selector", "img[src='x']")
    page.get(page.current_url + "image/1")
    assert "<img src=x onerror=alert(1)>" in page.find_element("tag name", "table").text
    assert not page.find_elements("css selector", "img[src='x']")
    assert not errors(page)


@pytest.mark.parametrize("path", ["", "image/1"], ids=["list", "image"])
def test_a_phone_needs_no_scrolling_sideways(page, path):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        page.get(page.current_url + path)
        assert page.execute_script("return document.documentElement.scrollWidth") <= 360
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_gallery_filters_and_orders(browser, view, tmp_path):
    from selenium.webdriver.support.ui import Select

    write_gallery(view(), tmp_path / "out.html")
    browser.get((tmp_path / "out.html").as_uri())

    def shown():
        found = [figure for figure in browser.find_elements("tag name", "figure") if figure.is_displayed()]
        return [figure.find_element("css selector", "figcaption .line").text.split()[0][-5:] for figure in found]

    assert len(shown()) == 6
    Select(browser.find_element("name", "class")).select_by_visible_text("parts: right_door")
    assert shown() == ["v.png"]
    browser.find_element("css selector", "button[type='reset']").click()
    until(browser, lambda: len(shown()) == 6)
    Select(browser.find_element("name", "task")).select_by_value("damage")
    Select(browser.find_element("name", "state")).select_by_value("labelled")
    Select(browser.find_element("name", "sort")).select_by_value("worst")
    assert shown() == ["c.png", "a.png", "b.png"]
    assert browser.find_element("id", "shown").text == "3 of 6"
    assert not browser.find_elements("css selector", "img[src='x']")
    assert not errors(browser)
