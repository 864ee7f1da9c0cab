"""The pages as a person sees them: headless Chromium opens them from the disk, sorts, filters and copies."""

import shutil

import pytest

from leaderboards.board import Result
from leaderboards.compare import Comparison
from leaderboards.render import pages

selenium = pytest.importorskip("selenium", reason="selenium is not installed: pip install -e '.[test]'")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="Chromium is not installed: apt-get install chromium chromium-driver",
)

from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

MANY = 2000
LIMIT_BYTES, LIMIT_SECONDS = 1_500_000, 1.0
HUBBARD = "hubbard_chain_6-1b6d1cba.html"


def write(folder, results) -> None:
    for name, text in pages(results).items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory, standard):
    folder = tmp_path_factory.mktemp("site")
    write(folder, standard)
    return folder


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def screen(browser, site):
    """Opens a page of the site on a screen of that size, in light or dark mode; nothing may be amiss in the end."""

    def open_page(name: str, width: int = 1280, dark: bool = False):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        mode = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": mode})
        browser.get((site / name).as_uri())
        return browser

    browser.get_log("browser")
    yield open_page
    assert browser.get_log("browser") == []


def shown(browser, column: int = 1) -> list[str]:
    """Texts of a column in the rows that can be seen, from top to bottom."""
    rows = [row for row in browser.find_elements(By.CSS_SELECTOR, "tbody > tr:first-child") if row.is_displayed()]
    rows.sort(key=lambda row: row.location["y"])
    return [row.find_elements(By.CSS_SELECTOR, "td, th")[column].text.split("\n")[0] for row in rows]


def head(browser, text: str):
    [button] = [b for b in browser.find_elements(By.CSS_SELECTOR, "thead button") if b.text.startswith(text)]
    return button


def sorted_by(browser) -> dict[str, str]:
    heads = browser.find_elements(By.CSS_SELECTOR, "thead th[aria-sort]")
    return {h.text.split("\n")[0].split(" /")[0]: h.get_attribute("aria-sort") for h in heads}


MODELS = ["transformer_backflow", "neural_backflow", "slater_jastrow_backflow", "slater_jastrow"]
PUBLISHED = ["ED (Lanczos)", "Bethe ansatz (Lieb-Wu)", "UHF", "RHF (plane-wave determinant)"]


def test_from_a_card_to_the_page_of_its_system(screen):
    browser = screen("index.html")
    cards = browser.find_elements(By.CSS_SELECTOR, ".card")
    assert [card.find_element(By.TAG_NAME, "h2").text for card in cards] == [
        "quantum_dot_n6",
        "helium",
        "hubbard_chain_6",
        "lattice_x",
    ]
    assert "20.1547(3) hartree" in cards[0].text and "−0.0047(3) from the" in cards[0].text
    cards[2].find_element(By.TAG_NAME, "a").click()
    assert browser.find_element(By.TAG_NAME, "h1").text == "hubbard_chain_6"
    assert shown(browser) == [*PUBLISHED[:2], *MODELS, *PUBLISHED[2:]]


def test_rows_are_sorted_by_click_and_by_keyboard(screen):
    browser = screen(HUBBARD)
    head(browser, "Parameters").click()
    assert shown(browser)[:4] == MODELS[::-1] and sorted_by(browser) == {"Parameters": "ascending"}
    assert shown(browser)[4:] == PUBLISHED  # rows without a number stay at the end
    head(browser, "Parameters").send_keys(Keys.ENTER)
    assert shown(browser) == [*MODELS, *PUBLISHED] and sorted_by(browser) == {"Parameters": "descending"}
    head(browser, "Energy").send_keys(Keys.SPACE)
    energies = [float(text.replace("−", "-").split("(")[0]) for text in shown(browser, 2)]
    assert energies == sorted(energies) and len(energies) == 8
    head(browser, "Model").click()
    assert shown(browser) == sorted([*MODELS, *PUBLISHED])


def test_rows_are_filtered(screen):
    browser = screen("helium-54ebc92c.html")
    assert "8 rows" in browser.find_element(By.TAG_NAME, "output").text
    published, unranked = browser.find_elements(By.CSS_SELECTOR, "[type=checkbox]")
    published.click()
    assert shown(browser) == [
        "neural_backflow",
        "neural_backflow",
        "slater_jastrow",
        "slater_jastrow_backflow",
        "psiformer",
    ]
    unranked.send_keys(Keys.SPACE)
    assert shown(browser) == ["neural_backflow", "neural_backflow", "slater_jastrow"]
    browser.find_element(By.CSS_SELECTOR, "[type=search]").send_keys("Width neural")
    assert len(shown(browser)) == 1 and browser.find_element(By.TAG_NAME, "output").text == "1 row"
    head(browser, "Energy").click()
    assert len(shown(browser)) == 1


def test_a_command_is_copied(screen):
    browser = screen(HUBBARD)
    row = browser.find_element(By.CSS_SELECTOR, "tbody.first")
    details = row.find_element(By.TAG_NAME, "button")
    command = row.find_element(By.TAG_NAME, "code")
    assert details.get_attribute("aria-expanded") == "false" and not command.is_displayed()
    details.click()
    assert details.get_attribute("aria-expanded") == "true" and command.is_displayed()
    assert "seed 1: −3.6682(2)" in row.text
    copy = row.find_elements(By.TAG_NAME, "button")[1]
    assert copy.text == "Copy"
    copy.click()
    WebDriverWait(browser, 5).until(lambda _: copy.text == "Copied")
    search = browser.find_element(By.CSS_SELECTOR, "[type=search]")
    search.send_keys(Keys.CONTROL, "v")
    expected = "zoo sweep model=transformer_backflow system=hubbard_chain_6 protocol=laptop seed=0,1"
    assert search.get_property("value") == expected
    search.send_keys(Keys.CONTROL, "a")
    search.send_keys(Keys.DELETE)
    assert command.text == expected
    details.click()
    assert not command.is_displayed()


def test_published_values_look_different(screen):
    browser = screen(HUBBARD)
    cells = {
        kind: browser.find_element(By.CSS_SELECTOR, f"{kind} > tr > th") for kind in ("tbody.published", "tbody.first")
    }
    assert len({cell.value_of_css_property("background-color") for cell in cells.values()}) == 2
    assert cells["tbody.published"].value_of_css_property("font-style") == "italic"
    source = browser.find_element(By.CSS_SELECTOR, ".published button")
    source.click()
    assert "computed: Lanczos" in browser.find_element(By.CSS_SELECTOR, ".published.open").text


@pytest.mark.parametrize("name", ["index.html", "overview.html", HUBBARD, "model-neural_backflow.html"])
def test_pages_fit_a_phone(name, screen):
    browser = screen(name, width=390)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('svg text')].map(t => parseFloat(getComputedStyle(t).fontSize)"
        " * t.closest('svg').getBoundingClientRect().width / t.closest('svg').viewBox.baseVal.width)"
    )
    assert all(size >= 9 for size in sizes)


@pytest.mark.parametrize(("dark", "bright"), [(False, True), (True, False)])
def test_dark_mode_is_followed(dark, bright, screen):
    browser = screen(HUBBARD, dark=dark)
    for selector in ("body", "figure", "tbody.first th"):
        element = browser.find_element(By.CSS_SELECTOR, selector)
        ground, ink = (element.value_of_css_property(name) for name in ("background-color", "color"))
        if "rgba(0, 0, 0, 0)" not in ground:
            assert (_luma(ground) > 128) == bright
        assert (_luma(ink) > 128) == (not bright)
    text = browser.find_element(By.CSS_SELECTOR, "svg text")
    assert (_luma(text.value_of_css_property("fill")) > 128) == (not bright)


def _luma(colour: str) -> float:
    red, green, blue = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_names_in_figures_lie_inside_of_them(screen):
    browser = screen("quantum_dot_n6-6cf1c029.html")
    outside = browser.execute_script(
        "return [...document.querySelectorAll('svg text')].filter(t => { const a = t.getBoundingClientRect(),"
        " b = t.closest('figure').getBoundingClientRect(); return a.left < b.left || a.right > b.right; })"
        ".map(t => t.textContent)"
    )
    assert outside == []


def test_two_thousand_rows(screen, site, run_on):
    """Opens and sorts in a second, and stays below 1.5 MB."""
    base = run_on("hubbard_chain_6", "neural_backflow", -3.6, 0.0003, 0, energy={"draws": 200, "walkers": 512})
    results = []
    for width in range(MANY):
        mean = round(-3.6687 + 0.09 * ((width * 7919) % MANY) / MANY, 6)
        command = f"zoo run model=neural_backflow system=hubbard_chain_6 model.width={width} seed=0"
        changes = {
            "energy": {**dict(base.energy), "mean": mean},
            "model": {**dict(base.model), "config": {"width": width}, "parameters": 1000 + 37 * width},
            "variance": 0.01 + 5e-5 * width,
            "provenance": {**dict(base.provenance), "command": command},
        }
        results.append(Result(base.updated(**changes)))
    write(site, results)
    assert (site / HUBBARD).stat().st_size < LIMIT_BYTES
    browser = screen("index.html")
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    browser.get((site / HUBBARD).as_uri())
    opened = busy(browser)
    head(browser, "Parameters").click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "tbody")) == MANY + len(PUBLISHED)
    sorting = busy(browser) - opened
    numbers = [int(text.replace(",", "")) for text in texts(browser, 7)]
    assert numbers == [1000 + 37 * width for width in range(100)]
    assert opened < LIMIT_SECONDS and sorting < LIMIT_SECONDS
    browser.find_element(By.CSS_SELECTOR, ".all button").click()
    numbers = [int(text.replace(",", "")) for text in texts(browser, 7) if text]
    assert numbers == [1000 + 37 * width for width in range(MANY)]
    browser.find_element(By.CSS_SELECTOR, "[type=search]").send_keys("width=1999")
    assert texts(browser, 7) == ["74,963"]


def busy(browser) -> float:
    """Processor seconds of the page's main thread since it was opened: of no other work on the machine."""
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


def texts(browser, column: int) -> list[str]:
    """As `shown`, in one go."""
    return browser.execute_script(
        "return [...document.querySelectorAll('tbody')].filter(body => body.offsetParent !== null"
        " && getComputedStyle(body).display !== 'none').map(body => body.rows[0].cells[arguments[0]].textContent)",
        column,
    )


def test_a_comparison_works_too(screen, site, run_on, save, tmp_path):
    save(tmp_path, *(run_on("quantum_dot_n6", model, 20.2, 0.01, 0) for model in ("slater_jastrow", "neural_backflow")))
    found = Comparison.of([path.parent for path in sorted(tmp_path.rglob("record.json"))])
    found.write(site / "comparison.html", "zoo compare sj nb system=quantum_dot_n6")
    browser = screen("comparison.html", width=390)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    details = browser.find_element(By.CSS_SELECTOR, "tbody button")
    browser.execute_script("arguments[0].click()", details)  # it lies beyond the edge of the phone until one scrolls
    assert details.get_attribute("aria-expanded") == "true"
    row = browser.find_element(By.CSS_SELECTOR, "tbody.open")
    assert "zoo run model=slater_jastrow" in row.text and row.text.count("Copy") == 1
