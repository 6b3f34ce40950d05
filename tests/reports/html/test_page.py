"""What holds of the file as a whole: it is one, asks for nothing, is well formed, and is read by everybody."""

import base64
import hashlib
import itertools
import re

import pytest

from tumorbench.reports.html import render_report, script

ADDRESS = re.compile(r"https?://[^\s\"'<>)]*", re.IGNORECASE)


@pytest.fixture
def records(cell):
    confusion = {"confusion": ((9, 1), (2, 8)), "classes": ("glioma", "pituitary")}
    return [
        cell({"accuracy": 0.85}, **confusion),
        cell({"accuracy": 0.6}, model="net-b", **confusion),
        cell({"accuracy": 0.95}, protocol="paper", **confusion),
        cell({"dice": 0.7}, model="net-s", task="segmentation"),
        cell(model="net-c", status="failed", reason="see https://example.org/why, it <b>broke</b>"),
    ]


@pytest.fixture
def page(records, rendered):
    return rendered(records)


def test_it_begins_with_the_table_of_what_was_found(page):
    first = page.all("table")[0]
    headings, line, *_ = page.lines(first)
    assert headings == ["model", "data set", "published", "same split, run again", "patients apart", "difference"]
    assert [line[0], line[3][:5], line[4][:5], line[5][:6]] == ["net-a", "0.950", "0.850", "-0.100"]
    assert first.inside("main")
    assert page.all("h2")[0].text == "What was found"


def test_no_network_address_stands_in_the_file_but_names_of_namespaces(page):
    found = set(ADDRESS.findall(page.text))
    assert found == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://www.w3.org/2000/xmlns/"}
    assert "see example.org/why" in page.text


def test_only_the_scripts_of_the_file_may_run_and_nothing_may_be_asked_for(page):
    (policy,) = [each.attributes["content"] for each in page.all("meta") if "http-equiv" in each.attributes]
    run = [each for each in page.all("script") if "type" not in each.attributes]
    hashes = [base64.b64encode(hashlib.sha256("".join(each.pieces).encode()).digest()).decode() for each in run]
    assert policy.startswith("default-src 'none'; ")
    assert re.search("script-src ([^;]*)", policy)[1] == " ".join(f"'sha256-{each}'" for each in hashes)
    assert not re.search("connect-src|unsafe-eval|script-src[^;]*unsafe", policy)
    assert [
        each for each in page.all("link", "iframe", "object", "script") if {"src", "href"} & set(each.attributes)
    ] == []


def test_what_a_record_says_never_becomes_markup(cell, rendered):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)> [a](javascript:alert(1)) </script>"
    page = rendered(
        [cell(dataset_title=evil, model_title=evil, model="net-evil", history=({"epoch": 1.0, f"{evil}": 1.0},))]
    )
    harmless = {"policy", "library", "page"}
    assert len([each for each in page.all("script") if "type" not in each.attributes]) == len(harmless) - 1
    assert page.all("img") == []
    assert [each for each in page.elements if any(name.startswith("on") for name in each.attributes)] == []
    assert all(each.attributes["href"].startswith("#") for each in page.all("a"))


def test_equal_records_give_equal_bytes(records, given):
    assert render_report(records, given()) == render_report(records, given())


def test_headings_go_down_one_level_at_a_time_from_a_single_first(page):
    levels = [int(each.tag[1]) for each in page.elements if re.fullmatch("h[1-6]", each.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert [(one, other) for one, other in itertools.pairwise(levels) if other > one + 1] == []


def test_every_table_has_a_caption_and_headings_with_a_scope(page):
    assert len(page.all("table")) > 10
    for table in page.all("table"):
        inside = [each for each in page.elements if table in each.parents]
        assert [each.text for each in inside if each.tag == "caption"] != [""]
        headings = [each for each in inside if each.tag == "th"]
        assert {each.attributes["scope"] for each in headings} == {"col", "row"}
        lines = [each for each in inside if each.tag == "tr"]
        assert all(
            sum(line in each.parents and each.attributes["scope"] == "row" for each in headings) == 1
            for line in lines[1:]
        )


def test_every_control_has_a_label_every_picture_a_text_and_every_id_is_one(cell, rendered):
    page = rendered([cell(pictures=["worst mistakes"])])
    labelled = {each.attributes.get("for") for each in page.all("label")}
    for control in page.all("input", "select"):
        assert control.attributes.get("id") in labelled or control.inside("label") is not None
    assert [each.attributes["alt"] for each in page.all("img")] != []
    assert all(each.attributes["alt"] for each in page.all("img"))
    assert all(each.text for each in page.all("button", "summary", "legend"))
    ids = [each.attributes["id"] for each in page.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    assert {each.attributes["href"].removeprefix("#") for each in page.all("a")} <= set(ids)
    pointed = {each.attributes["aria-labelledby"] for each in page.elements if "aria-labelledby" in each.attributes}
    assert pointed <= set(ids)


def test_real_and_synthetic_data_and_budgets_have_sections_of_their_own(cell, rendered):
    records = [cell(), cell(budget="full"), cell(budget="1of20"), cell(dataset="phantom", synthetic=True)]
    page = rendered(records)
    sections = [each for each in page.all("section") if each.attributes.get("class") == "set"]
    kinds = [(each.attributes["data-dataset"], each.attributes["data-budget"]) for each in sections]
    assert kinds == [("figs", "full"), ("figs", "1of20"), ("figs", "quick"), ("phantom", "quick")]
    assert ["synthetic" in each.text[:10] for each in sections] == [False, False, False, True]
    assert "1of20 budget" in sections[1].text
    assert "Every model trained for 1/20 of its full recipe" in sections[1].text
    filters = [each.attributes["value"] for each in page.all("input") if each.attributes.get("name") == "budget"]
    assert filters == ["full", "1of20", "quick"]


def test_a_failure_after_which_the_same_succeeded_is_not_told(cell, rendered):
    early = {"started_at": "2026-11-24T12:00:00+00:00"}
    page = rendered(
        [
            cell(),
            cell(status="failed", reason="a full disk", **early),
            cell(model="net-b", status="oom", reason="too large"),
        ]
    )
    told = [each.text for each in page.all("li") if "data-protocol" in each.attributes]
    assert told == ["net-b grouped f0 s0: oom, too large"]


def contrast(one: str, other: str) -> float:
    """As the Web Content Accessibility Guidelines 2.2 compute it, of two colours like #0b63b0."""

    def luminance(colour):
        shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def themes() -> list[dict[str, str]]:
    blocks = re.findall(r"color-scheme: \w+;(.*?)}", script.style(), re.DOTALL)
    return [dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]


def test_light_dark_and_chosen_dark_have_the_same_names_and_both_darks_the_same_colours():
    light, dark, chosen = themes()
    assert dark == chosen
    assert set(light) == set(dark)


@pytest.mark.parametrize("number", [0, 1], ids=["light", "dark"])
def test_text_and_marks_stand_out(number):
    colours = themes()[number]
    texts = {
        "--ink": ["--paper", "--panel", "--empty", "--full"],
        "--muted": ["--paper", "--panel"],
        "--link": ["--paper"],
    }
    texts |= {"--warn-ink": ["--warn-paper"], "--mark-ink": ["--mark-paper"]}
    faint = [(ink, on) for ink, papers in texts.items() for on in papers if contrast(colours[ink], colours[on]) < 4.5]
    series = [name for name in colours if name.startswith("--series-")]
    assert len(series) == 8
    assert faint == []
    assert [name for name in series if contrast(colours[name], colours["--paper"]) < 3] == []
