"""What a reader sees and does: plots, filters, sorting, light and dark, a phone, no script, a screen reader."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

PHONE = {"width": 390, "height": 844}
VIEWS = {"light": {}, "dark": {"dark": True}, "phone": {"size": PHONE}}


OPEN = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
WIDER = """width => [...document.querySelectorAll('body *')]
  .filter((each) => each.checkVisibility() && !each.closest('.wide, svg') && each.getBoundingClientRect().right > width)
  .map((each) => each.outerHTML.slice(0, 120))"""


def open_everything(page) -> None:
    """Every panel is open and every plot is drawn."""
    page.evaluate(OPEN)
    for plot in page.locator(".plot:visible").all():
        plot.scroll_into_view_if_needed()
    page.locator(".plot:visible:not([data-theme])").first.wait_for(state="detached")


@pytest.fixture(params=["local", "published"])
def report(request):
    return request.getfixturevalue(f"{request.param}_report")


def test_no_request_leaves_whatever_is_opened_filtered_or_sorted(report, visit):
    page = visit(report)
    open_everything(page)
    page.locator("#theme").click()
    page.locator("thead button").first.click()
    page.locator("input[name=protocol]").first.uncheck()
    page.wait_for_timeout(300)
    assert page.requests == []
    assert page.told == []


def test_the_page_itself_may_not_ask_for_anything(published_report, visit):
    page = visit(published_report)
    asked = "fetch('https://example.org').then(() => 'answered', () => 'refused')"
    assert page.evaluate(asked) == "refused"
    page.evaluate("document.body.append(Object.assign(new Image(), { src: 'https://example.org/a.png' }))")
    page.wait_for_timeout(200)
    assert page.requests == []
    assert any("Content Security Policy" in each for each in page.told)


def test_every_plot_is_drawn_with_marks(report, visit):
    page = visit(report)
    open_everything(page)
    counts = page.evaluate(
        "[...document.querySelectorAll('.plot')].map((each) => each.querySelectorAll('svg [role=graphics-symbol], svg .mark-rect path, svg .mark-line path, svg .mark-symbol path').length)"
    )
    assert len(counts) >= 8
    assert min(counts) > 0


def test_a_plot_is_drawn_only_when_it_is_near(published_report, visit):
    page = visit(published_report)
    page.locator(".plot").first.scroll_into_view_if_needed()
    page.locator(".plot[data-theme]").first.wait_for()
    plots = page.locator(".plot")
    assert plots.nth(plots.count() - 1).get_attribute("data-theme") is None


def test_the_filter_of_a_data_set_leaves_only_its_sections(published_report, visit):
    page = visit(published_report)
    own = 'section.set[data-dataset="kaggle7023"]'
    sections, rows = (page.locator(f"section.set{each}").count() for each in ("", " details.row"))
    left = [page.locator(f"{own}{each}").count() for each in (" details.row", "")]
    assert 0 < left[0] < rows
    page.locator("#dataset").select_option("kaggle7023")
    shown = page.eval_on_selector_all(
        "section.set", "all => all.filter((each) => each.checkVisibility()).map((each) => each.dataset.dataset)"
    )
    assert set(shown) == {"kaggle7023"}
    told = f"Shown: {left[0]} of {rows} rows, in {left[1]} of {sections} sections."
    assert page.locator("#shown").inner_text() == told
    assert page.locator("nav a:visible").all_inner_texts() == [
        "What was found",
        "Classification",
        "kaggle7023, quick",
        "Segmentation",
        "Generation",
        "kaggle7023, quick",
    ]
    assert not page.locator("#segmentation").is_visible()


def test_the_filter_of_a_protocol_acts_on_tables_panels_and_plots(published_report, visit):
    page = visit(published_report)
    section = page.locator("#classification-figshare3064-quick")
    plot = section.locator("figure", has_text="Values of").locator(".plot").first
    plot.scroll_into_view_if_needed()
    points = plot.locator(".mark-symbol.role-mark path")
    points.first.wait_for()
    rows = section.locator("table").first.locator("tbody tr:visible td:nth-child(3)")
    before, protocols = points.count(), [each.split()[0] for each in rows.all_inner_texts()]
    assert before == len(protocols)
    page.get_by_role("checkbox", name="paper", exact=True).uncheck()
    page.wait_for_timeout(300)
    left = [each for each in protocols if each != "paper"]
    assert 0 < points.count() == len(left) < before
    assert [each.split()[0] for each in rows.all_inner_texts()] == left
    assert [each for each in section.locator("details.row:visible h5").all_inner_texts() if "paper" in each] == []


def test_a_table_without_a_row_of_the_chosen_protocols_says_so(published_report, visit):
    page = visit(published_report)
    for box in page.locator("input[name=protocol]").all():
        box.uncheck()
    assert page.locator("section.set table:visible").count() == 0
    assert page.locator("p.nothing:visible").count() == page.locator("section.set > .wide").count()


def test_a_heading_sorts_up_down_and_back(published_report, visit):
    page = visit(published_report)
    table = page.locator("#classification-kaggle3264-quick table").first
    heading = table.locator("th", has_text="balanced_accuracy")

    def values():
        return table.locator("tbody tr td:nth-child(7)").evaluate_all(
            "all => all.map((each) => Number(each.dataset.value))"
        )

    original = values()
    found = []
    for _ in range(3):
        heading.get_by_role("button").press("Enter")
        found.append((heading.get_attribute("aria-sort"), values()))
    assert len(set(original)) > 2
    assert original not in (sorted(original), sorted(original, reverse=True))
    assert found == [
        ("ascending", sorted(original)),
        ("descending", sorted(original, reverse=True)),
        ("none", original),
    ]


def test_what_has_no_value_is_sorted_last_in_both_directions(published_report, visit):
    page = visit(published_report)
    table = page.locator("#classification-kaggle3264-quick table").first
    for _ in range(2):
        table.locator("th", has_text="rank").get_by_role("button").click()
        ranks = table.locator("tbody tr td:nth-child(1)").all_inner_texts()
        last = [text.startswith("\N{EN DASH}") for text in ranks]
        assert len(set(last)) == 2
        assert last == sorted(last)


def test_the_button_changes_page_and_plots_and_is_remembered(local_report, visit):
    page = visit(local_report)
    page.locator(".plot").first.scroll_into_view_if_needed()
    page.locator(".plot[data-theme=light]").first.wait_for()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Change to dark colours").click()
    page.locator(".plot[data-theme=dark]").first.wait_for()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    label = page.locator(".plot svg .role-axis-label text").first.evaluate("each => getComputedStyle(each).fill")
    assert (light, dark, label) == ("rgb(255, 255, 255)", "rgb(20, 24, 29)", "rgb(232, 236, 240)")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_on_a_phone_nothing_but_tables_scrolls_sideways(report, visit):
    page = visit(report, size=PHONE)
    open_everything(page)
    assert page.evaluate(WIDER, PHONE["width"]) == []
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    small = page.evaluate(
        "[...document.querySelectorAll('main *')].filter((each) => each.checkVisibility() && each.childNodes.length && !each.closest('svg') && parseFloat(getComputedStyle(each).fontSize) < 11).length"
    )
    assert small == 0


def test_without_scripts_every_table_can_be_read(published_report, visit):
    page = visit(published_report, scripts=False)
    assert "Plots, sorting and filters need JavaScript" in page.content()
    assert page.locator("section.set > .wide table:visible").count() == page.locator("section.set > .wide").count() > 5


def test_the_keyboard_reaches_tables_that_scroll_and_headings_that_sort(published_report, visit):
    page = visit(published_report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("section.set .wide").first.focus()
    assert page.evaluate("document.activeElement.getAttribute('role')") == "group"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('th').scope") == "col"


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(local_report, visit, view):
    page = visit(local_report, **VIEWS[view])
    open_everything(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_axe_finds_nothing_in_the_published_records(published_report, visit):
    page = visit(published_report)
    page.evaluate(OPEN)
    found = Axe().run(
        page, context={"exclude": [[".plot"]]}
    )  # thousands of marks, of the kinds that the other report has
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("view", VIEWS)
def test_a_screenshot_is_left_to_look_at(report, visit, shots, view):
    page = visit(report, **VIEWS[view])
    open_everything(page)
    page.evaluate("scrollTo(0, 0)")
    path = shots / f"{report.parent.parent.name}-{report.stem}-{view}.png"
    page.screenshot(path=path)
    assert path.stat().st_size > 10_000
