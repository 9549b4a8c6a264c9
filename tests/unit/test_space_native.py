import json
import random

import ConfigSpace
import numpy as np
import pytest

from rungwise.core.errors import InputError
from rungwise.space import Space, parse


def rich() -> ConfigSpace.ConfigurationSpace:
    """Every kind of hyperparameter, condition and forbidden clause that ConfigSpace has."""
    space = ConfigSpace.ConfigurationSpace(name="rich", seed=3)
    kind = ConfigSpace.Categorical(
        "kind", ["a", "b", "c"], weights=[0.5, 0.3, 0.2], default="b", meta={"note": object()}
    )
    size = ConfigSpace.OrdinalHyperparameter("size", [1, 2, 4, 8])
    rate = ConfigSpace.Float("rate", (1e-4, 1.0), log=True, default=0.1)
    bell = ConfigSpace.Float("bell", (-3.0, 3.0), distribution=ConfigSpace.Normal(0.0, 1.0))
    beta = ConfigSpace.Integer("beta", (1, 9), distribution=ConfigSpace.Beta(2, 5))
    normal = ConfigSpace.Integer("normal", (0, 20), distribution=ConfigSpace.Normal(10, 4))
    width = ConfigSpace.Integer("width", (16, 512), log=True)
    flag = ConfigSpace.Categorical("flag", [True, False])
    fixed = ConfigSpace.Constant("fixed", 7)
    space.add(kind, size, rate, bell, beta, normal, width, flag, fixed)
    space.add(
        ConfigSpace.AndConjunction(
            ConfigSpace.EqualsCondition(bell, kind, "a"), ConfigSpace.EqualsCondition(bell, flag, True)
        ),
        ConfigSpace.OrConjunction(
            ConfigSpace.InCondition(beta, kind, ["a", "b"]), ConfigSpace.GreaterThanCondition(beta, rate, 0.5)
        ),
        ConfigSpace.LessThanCondition(normal, width, 100),
        ConfigSpace.ForbiddenAndConjunction(
            ConfigSpace.ForbiddenEqualsClause(kind, "a"), ConfigSpace.ForbiddenInClause(size, [2, 8])
        ),
        ConfigSpace.ForbiddenGreaterThanRelation(size, beta),
    )  # fmt: skip
    return space


def assert_legal(space: Space, configurations) -> None:
    native = space.configuration_space()
    for configuration in configurations:
        ConfigSpace.Configuration(native, values=configuration).check_valid_configuration()


def test_configspace_finds_every_drawn_configuration_legal():
    space = parse(rich())
    drawn = space.sample(np.random.SeedSequence(1), 200)
    assert_legal(space, [space.default(), *drawn])
    assert {type(v) for c in drawn for v in c.values()} == {str, int, float, bool}
    assert any("bell" in c for c in drawn)
    assert {c["flag"] for c in drawn} == {True, False}


def test_priors_shape_the_draws():
    drawn = parse(rich()).sample(np.random.SeedSequence(1), 3000)
    kinds = [c["kind"] for c in drawn if c["size"] == 1]
    assert [round(kinds.count(kind) / len(kinds), 1) for kind in "abc"] == [0.5, 0.3, 0.2]
    normal = [c["normal"] for c in drawn if "normal" in c]
    assert sum(6 <= n <= 14 for n in normal) > 0.6 * len(normal)


def test_json_holds_conditions_clauses_and_priors():
    space = parse(rich())
    again = Space.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    assert again.names == space.names
    assert again.default() == space.default()
    seeds = np.random.SeedSequence(5)
    assert again.sample(seeds, 100) == space.sample(seeds, 100)


def test_the_serialised_form_is_a_source_too():
    assert parse(rich().to_serialized_dict()) == parse(rich())


def test_a_users_object_is_left_as_it_was():
    native = rich()
    before = native.random.get_state()
    space = parse(native)
    space.sample(np.random.SeedSequence(0), 10)
    after = native.random.get_state()
    assert native == rich()
    assert (before[1] == after[1]).all()
    assert before[2] == after[2]


def test_no_global_randomness_is_touched():
    before = random.getstate(), np.random.get_state()
    parse(rich()).sample(np.random.SeedSequence(0), 10)
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1] == before[1][1]).all()
    assert np.random.get_state()[2] == before[1][2]


def test_the_fresh_configuration_space_may_be_changed():
    space = parse(rich())
    space.configuration_space().add(ConfigSpace.Float("more", (0.0, 1.0)))
    assert "more" not in space.default()


@pytest.mark.parametrize(
    ("native", "words"),
    [
        (ConfigSpace.ConfigurationSpace(), "empty"),
        (ConfigSpace.ConfigurationSpace({"a": [(1, 2), (3, 4)]}), "choices.*'a'.*str, int, float or bool"),
        (ConfigSpace.ConfigurationSpace({"a": [None, "x"]}), "None"),
        (ConfigSpace.ConfigurationSpace([ConfigSpace.Constant("a", None)]), "value.*'a'.*None"),
    ],
)
def test_what_cannot_be_a_configuration_is_refused(native, words):
    with pytest.raises(InputError, match=words):
        parse(native)


def test_a_space_in_which_only_the_default_is_allowed_has_nothing_to_draw():
    native = ConfigSpace.ConfigurationSpace([ConfigSpace.Float("x", (0.0, 1.0), default=0.0)])
    native.add(ConfigSpace.ForbiddenGreaterThanClause(native["x"], 0.0))
    with pytest.raises(InputError, match="contradictory"):
        parse(native)


@pytest.mark.parametrize("data", [None, {}, {"hyperparameters": []}, {"hyperparameters": ["a"]}])
def test_from_json_refuses_what_to_json_never_wrote(data):
    with pytest.raises(InputError):
        Space.from_json(data)
