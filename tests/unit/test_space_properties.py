import json

import ConfigSpace
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rungwise.core.errors import InputError
from rungwise.space import Space, parse

FLOATS = st.floats(-1e6, 1e6, allow_nan=False)
SCALARS = st.one_of(st.text("abcXYZ", max_size=3), st.integers(-5, 5), st.floats(0.25, 8.0))
CHOICES = st.lists(SCALARS, min_size=1, max_size=4, unique=True)


@st.composite
def ranges(draw):
    log = draw(st.booleans())
    integer = draw(st.booleans())
    if integer:
        low, high = sorted(draw(st.lists(st.integers(1 if log else -50, 10_000), min_size=2, max_size=2, unique=True)))
    else:
        low, high = sorted(draw(st.lists(FLOATS.map(abs) if log else FLOATS, min_size=2, max_size=2, unique=True)))
        assume(high - low > 1e-9)
        assume(low > 1e-9 or not log)
    return {"range": [low, high], "log": log}


@st.composite
def forms(draw):
    """A short form of up to five hyperparameters, conditions on earlier choices, and perhaps a forbidden clause."""
    form: dict = {}
    for name in draw(st.lists(st.sampled_from(["e", "d", "lr", "b", "a"]), min_size=1, max_size=5, unique=True)):
        spec = draw(st.one_of(ranges(), CHOICES.map(lambda c: {"choices": c})))
        parents = {parent: one for parent, one in form.items() if "choices" in one}
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(sorted(parents)))
            wanted = draw(st.lists(st.sampled_from(parents[parent]["choices"]), min_size=1, unique=True))
            spec = {**spec, "when": {parent: wanted}}
        form[name] = spec
    choosers = [name for name, one in form.items() if len(one.get("choices", ())) > 1]
    if len(choosers) > 1 and draw(st.booleans()):
        form["forbidden"] = [{name: form[name]["choices"][-1] for name in choosers[:2]}]
    return form


def parsed(form) -> Space:
    try:
        return parse(form)
    except InputError as error:
        assume("forbidden" not in str(error))
        raise


def holds(spec, configuration) -> bool:
    return all(configuration.get(parent) in wanted for parent, wanted in spec.get("when", {}).items())


@given(forms())
@settings(max_examples=60, deadline=None)
def test_every_draw_is_in_its_space(form):
    space = parsed(form)
    native = space.configuration_space()
    for configuration in [space.default(), *space.sample(np.random.SeedSequence(0), 20)]:
        ConfigSpace.Configuration(native, values=configuration).check_valid_configuration()
        assert space.check(configuration) == configuration
        for name, spec in form.items():
            if name == "forbidden":
                assert not any(all(configuration.get(k) == v for k, v in clause.items()) for clause in spec)
                continue
            assert (name in configuration) == holds(spec, configuration)
            if name not in configuration:
                continue
            value = configuration[name]
            if "choices" in spec:
                assert (type(value), value) in [(type(choice), choice) for choice in spec["choices"]]
            else:
                low, high = spec["range"]
                assert type(value) is type(low)
                assert round(low, 13) <= value <= round(high, 13)


@given(forms())
@settings(max_examples=40, deadline=None)
def test_json_leads_back_to_the_same_space(form):
    space = parsed(form)
    again = Space.from_json(json.loads(json.dumps(space.to_json())))
    seeds = np.random.SeedSequence(7)
    assert again == space
    assert again.sample(seeds, 10) == space.sample(seeds, 10)
    # through ConfigSpace and back: the defaults are written out, nothing else differs
    through = parse(space.configuration_space())
    key = [sorted(c.items()) for c in through.sample(seeds, 10)]
    assert key == [sorted(c.items()) for c in space.sample(seeds, 10)]


@given(forms(), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_a_grid_is_legal_and_repeats_nothing(form, points):
    space = parsed(form)
    grid = list(space.grid(points))
    assert len({json.dumps(c) for c in grid}) == len(grid)
    for configuration in grid[:50]:
        assert space.check(configuration) == configuration
