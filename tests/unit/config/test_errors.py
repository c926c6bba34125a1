"""Every mistake in a value is one line that names source, key and rule."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.errors import ConfigError
from bulksend.config.keys import Source, known_rules
from bulksend.config.layers import from_document, from_environment, with_overrides
from bulksend.config.load import load_settings
from bulksend.config.model import IDENTITIES, SECTIONS

IDENTITY = '[[identities]]\nid = "ACME"\nmps = 10\n'
CAMPAIGN = '[campaign]\nname = "n"\ntemplate = "t"\n'


MISTAKES = tomllib.loads((Path(__file__).parent / "mistakes.toml").read_text(encoding="utf-8"))["mistake"]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["says"][:60])
def test_every_mistake_is_named(tmp_path: Path, mistake: dict[str, str]) -> None:
    """A mistake in the file is one line: the file, the key in TOML notation, the rule, and what to do."""
    path = tmp_path / "c.toml"
    path.write_text(mistake["file"], encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ={})
    assert str(caught.value) == f"{path}: {mistake['says']}"
    assert "hush" not in str(caught.value)


def test_two_layers_that_exclude_one_another(tmp_path: Path) -> None:
    """Where the other source of the message was set is said; an empty value takes it back."""
    path = tmp_path / "c.toml"
    path.write_text(CAMPAIGN + IDENTITY, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ={}, overrides=["recipients.body=text"])
    assert caught.value.what == f"--set: recipients.body and campaign.template, set by {path}, exclude one another"
    loaded = load_settings(path, environ={}, overrides=["recipients.body=text", "campaign.template="])
    assert (loaded.campaign.template, loaded.recipients.body) == (None, "text")


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.sampled_from(["US", "72h", "x.txt"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
keys = st.one_of(st.text(max_size=20), st.sampled_from([key.partition(".")[2] for key in known_rules()]))
documents = st.dictionaries(
    st.one_of(st.sampled_from([*SECTIONS, IDENTITIES]), st.text(max_size=10)),
    st.one_of(
        values,
        st.dictionaries(keys, values, max_size=4),
        st.lists(
            st.dictionaries(st.sampled_from(["id", "mps", "countries", "bucket"]), values, max_size=4), max_size=2
        ),
    ),
    max_size=4,
)


@settings(max_examples=300)
@given(document=documents)
def test_no_document_is_answered_with_anything_but_one_line(document: dict[str, object]) -> None:
    """Whatever a file holds, it is accepted or refused with one line that begins with the file."""
    said = refusal(lambda: from_document(document, Source("c.toml", Path())))
    assert said is None or (len(said.splitlines()) == 1 and said.startswith("c.toml: "))


@settings(max_examples=300)
@given(
    key=st.sampled_from([*known_rules(), IDENTITIES, "campaign.context.team"]),
    value=st.one_of(st.text(max_size=30), values.map(json.dumps), st.sampled_from(["", "\udcff", "1" * 5000, "1e999"])),
)
def test_no_text_is_answered_with_anything_but_one_line(key: str, value: str) -> None:
    """Whatever a flag or a variable holds, undecodable bytes among it, it is accepted or refused with one line."""
    name = "BULKSEND_" + key.upper().replace(".", "_")
    by_flag = refusal(lambda: with_overrides({}, [f"{key}={value}"]))
    by_variable = refusal(lambda: from_environment({name: value}))
    for said in (by_flag, by_variable):
        assert said is None or len(said.encode().splitlines()) == 1


def refusal(load: Callable[[], object]) -> str | None:
    """What `load` is refused with; None when it is not."""
    try:
        load()
    except ConfigError as error:
        return str(error)
    return None
