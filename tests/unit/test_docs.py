"""Every command, option and public name is documented, and every example in the reference is true."""

import doctest
from pathlib import Path

import click
import pytest

import rungwise as rw
from rungwise.cli.main import rungwise

DOCS = Path(__file__).parents[2] / "docs"
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


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    for part in page.read_text().split("](")[1:]:
        target = part.split(")")[0].split("#")[0]
        if target and "://" not in target:
            assert (page.parent / target).exists(), target
