"""Every command, option and public name is documented, and every example in the reference is true."""

import doctest
import re
from pathlib import Path

import click
import pytest

import rungwise as rw
from rungwise.cli.main import rungwise

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
CLI = (DOCS / "reference" / "cli.md").read_text()


@pytest.mark.parametrize("name", sorted(rungwise.commands))
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    assert f"## `rungwise {name}" in CLI
    for parameter in rungwise.commands[name].params:
        if isinstance(parameter, click.Option):
            assert f"`{parameter.opts[0]}" in CLI or f" {parameter.opts[0]}" in CLI, parameter.opts[0]


@pytest.mark.parametrize("name", sorted(rw.__all__))
def test_every_public_name_is_there_and_in_the_reference(name: str) -> None:
    assert getattr(rw, name) is not None
    assert f"`rw.{name}" in (DOCS / "reference" / "python.md").read_text()


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_examples_in_the_pages_are_true(page: Path) -> None:
    failed, _ = doctest.testfile(str(page), module_relative=False)
    assert failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in links(page):
        assert target.exists(), target
        assert not heading or heading in headings(target), f"{target}#{heading}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        reached.add(page)
        for target, _ in links(page):
            found = target.glob("*.md") if target.is_dir() else [target] if target.suffix == ".md" else []
            left += [each for each in found if each not in reached]
    assert set(DOCS.rglob("*.md")) <= reached


def test_every_decision_has_a_number_of_its_own_in_its_name_and_in_its_heading() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(page.name[:3]) for page in pages] == [*range(1, len(pages) + 1)]
    for number, page in enumerate(pages, 1):
        assert page.read_text().startswith(f"# {number}. "), page


def links(page: Path) -> list[tuple[Path, str]]:
    """What a page of ours points to in this repository, and the heading there."""
    targets = [part.split(")")[0].partition("#") for part in page.read_text().split("](")[1:]]
    return [
        ((page.parent / path).resolve() if path else page, heading) for path, _, heading in targets if "://" not in path
    ]


def headings(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    lines = re.findall(r"^#+ (.*)$", page.read_text().lower(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line).replace(" ", "-") for line in lines}
