"""The incident report: complete, and no text from outside is markup in it."""

import dataclasses
import unicodedata

import pytest
from hypothesis import example, given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from netwiz.wizard.markdown import cell, code, prose, span
from netwiz.wizard.report import to_markdown
from netwiz.wizard.verdict import Diagnosis, Mark, Step
from tests.wizard.report_samples import HEALTHY, NASTY, REFUSED, diagnoses, texts

ALLOWED_HTML = {"<br>", "<code>", "</code>"}
INLINE = {"text", "code_inline", "html_inline", "softbreak", "strong_open"}
INLINE |= {"strong_close", "text_special"}
OURS = (
    "Root cause:",
    "Verdict",
    "Evidence",
    "Mend it",
    "Prove it",
    "Read more",
    "Path of the packet",
    "Seen from elsewhere",
    "Also wrong:",
    "Ruled out",
    "Not known",
    "Taken for granted",
    "Not looked at",
    "How it was found",
)
"""Beginnings of our own headings."""


def parsed(text: str) -> list[Token]:
    return MarkdownIt("gfm-like").parse(text)


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def shown(text: str) -> str:
    """What a reader of the rendered text sees."""
    return "".join(t.content for t in inline(parsed(text)) if t.type != "html_inline")


def test_it_tells_everything() -> None:
    text = to_markdown(REFUSED)
    for part in (
        "# outside to 10.99.0.1:8080\n",
        "- Symptom: refused\n",
        "- Error line: `connect ECONNREFUSED 10.99.0.1:8080`\n",
        "- Outcome: **root cause found**\n",
        "## Root cause: the service in pg listens on 127.0.0.1:3000 only\n",
        "Cause id: `service-bound-loopback`\n",
        "- the RST was born in pg: its SYN reached eth0\n",
        "1. Let node listen on 0.0.0.0.\n   (interrupts: pg while it restarts)\n",
        "   ```sh\n   docker compose up -d pg\n   ```\n",
        "   ```\n   environment:\n     HOST: 0.0.0.0\n   ```\n",
        "   (not lasting: a restart of the engine or the host may undo it)\n",
        "## Path of the packet\n\n```text\nThe packet: refused by pg itself\n",
        "## Also wrong: cache is published on 127.0.0.1 only\n",
        "- `service-not-listening`: 127.0.0.1:3000 is open\n",
        "| ✓ | Is pg running? | up 3 h | `host` | `docker inspect pg` | 3.2 |\n",
        "`nsenter -t 4121 -n ss -ltnp`<br>`cat /etc/hosts \\| grep -w pg`",
        "3 steps in 0.21 s\n",
    ):
        assert part in text


def test_a_healthy_case_has_a_verdict_too() -> None:
    text = to_markdown(HEALTHY)
    assert "## Verdict\n\noutside reaches 10.99.0.1:8080\n" in text
    assert "Mend it" not in text


@given(diagnoses())
def test_no_text_from_outside_is_markup(diagnosis: Diagnosis) -> None:
    text = to_markdown(diagnosis)
    acting = {c for c in text if c != "\n" and unicodedata.category(c)[0] == "C"}
    assert {c for c in acting if unicodedata.category(c) != "Cn"} == set()
    tokens = parsed(text)
    kinds = {token.type for token in inline(tokens)}
    links = {"link_open", "link_close"}
    assert kinds - links <= INLINE
    html = {t.content for t in inline(tokens) if t.type == "html_inline"}
    assert html <= ALLOWED_HTML
    assert "html_block" not in {token.type for token in tokens}


@given(diagnoses())
def test_headings_are_our_own(diagnosis: Diagnosis) -> None:
    tokens = parsed(to_markdown(diagnosis))
    titles = [
        tokens[at + 1].content
        for at, token in enumerate(tokens)
        if token.type == "heading_open"
    ]
    assert titles[0].endswith(prose(diagnosis.case.target.text))
    assert all(title.startswith(OURS) for title in titles[1:])


@pytest.mark.parametrize("text", NASTY)
def test_the_table_keeps_its_columns(text: str) -> None:
    step = Step("n", text, Mark.GOOD, text)
    looked = dataclasses.replace(REFUSED.steps[0].looks[0], command=text, vantage=text)
    told = dataclasses.replace(
        HEALTHY, steps=(step, dataclasses.replace(step, looks=(looked, looked)))
    )
    tokens = parsed(to_markdown(told))
    assert len([t for t in tokens if t.type == "tr_open"]) == 3
    assert len([t for t in tokens if t.type == "td_open"]) == 12


@given(texts)
@example("# not a heading")
@example("snake_case and _emphasis_ and __strong__")
@example("1. not a list")
def test_prose_shows_as_itself(text: str) -> None:
    if not text.isprintable():
        return
    expected = text.replace(" ", "")
    assert shown("x " + prose(text)).replace(" ", "") == "x" + expected
    assert shown("- " + prose(text)).replace(" ", "") == expected


@given(texts)
def test_code_shows_as_itself(text: str) -> None:
    if text.isprintable() and text.strip():
        assert shown("x " + span(text)).removeprefix("x ").strip() == text.strip()
        table = f"| a |\n|-|\n| {cell(text)} |"
        assert shown(table).removeprefix("a").strip() == text.strip()
    else:
        assert "\n" not in span(text)


@given(texts)
def test_nothing_ends_a_code_block(text: str) -> None:
    tokens = parsed("\n".join(code([text], "sh")))
    assert [token.type for token in tokens] == ["fence"]


def test_readable_names_stay_readable() -> None:
    assert prose("shop_default on br-4f1d (172.18.0.0/16)") == (
        "shop_default on br-4f1d (172.18.0.0/16)"
    )
