"""Optuna's samplers as searchers: what they are told, what comes back, and that a resume goes on alike."""

import builtins
import json
import logging
import math
import random
import warnings

import numpy as np
import pytest
from ConfigSpace import Configuration

from rungwise.allocation.fixed import Fixed
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Launch
from rungwise.core.decisions import FailTrial, StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import TrialEnded, TrialFailed, TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.schedulers.asha import ASHA
from rungwise.searchers.finite import key_of
from rungwise.searchers.optuna.samplers import NAMES, OptunaSearch
from rungwise.searchers.optuna.spaces import axes_of
from rungwise.searchers.optuna.told import counted, first_values
from rungwise.searchers.recorded import Recorded
from rungwise.space import parse
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import replay
from rungwise.tuner.tuner import Tuner

optuna = pytest.importorskip("optuna")
pytest.importorskip("cmaes")

FORM = {
    "lr": (1e-4, 1.0, "log"),
    "layers": (1, 5),
    "width": {"choices": [16, 32, 64], "ordered": True},
    "optimizer": ["sgd", "adam"],
    "momentum": {"range": [0.0, 0.99], "when": {"optimizer": "sgd"}},
    "nesterov": {"choices": [True, False], "when": {"optimizer": "sgd"}},
    "name": "net",
    "forbidden": [{"optimizer": "adam", "layers": 5}],
}
SPACE = parse(FORM)
MILESTONES = (1, 3, 9)


def launch(ledger, trial, configuration, milestone=1, start=0):
    ledger.apply(Launch(trial, configuration, start, milestone, 1, 0))


def report(ledger, trial, resource, value):
    ledger.apply(TrialReported(0.0, trial, resource, value, {}))


def pause(ledger, trial, resource):
    ledger.apply(TrialPaused(0.0, trial, resource))


def loss(configuration, resource=1):
    return (math.log10(configuration.get("lr", 0.01)) + 2) ** 2 + 1 / resource


def step(ledger, searcher, trial, value=loss):
    """A trial starts while the one before it runs; that one enters the first rung, and every fourth is promoted."""
    configuration = searcher.suggest(ledger, StartTrial(trial, 1))
    launch(ledger, trial, configuration)
    if trial:
        before = ledger.trials[trial - 1]
        report(ledger, trial - 1, 1, value(before.configuration))
        pause(ledger, trial - 1, 1)
    if trial % 4 == 3:
        old = ledger.trials[trial // 2]
        if old.status == "paused" and old.rung < 3:
            resource = MILESTONES[old.rung]
            launch(ledger, old.trial, old.configuration, resource, old.checkpoint)
            report(ledger, old.trial, resource, value(old.configuration))
            pause(ledger, old.trial, resource)
    return configuration


def go(searcher, trials, value=loss):
    ledger = Ledger(MILESTONES)
    return [step(ledger, searcher, trial, value) for trial in range(trials)], ledger


def legal(space, configuration):
    Configuration(space.configuration_space(), values=configuration).check_valid_configuration()
    assert list(configuration) == [name for name in space.names if name in configuration]
    assert {type(value) for value in configuration.values()} <= {str, int, float, bool}
    assert json.loads(json.dumps(configuration)) == configuration


class Spying(optuna.samplers.RandomSampler):
    """A sampler of the user's own, which keeps what it sees."""

    def before_trial(self, study, trial):
        self.seen = study.get_trials(deepcopy=False)
        self.numbers = [*getattr(self, "numbers", []), trial.number]


class RaisingOnce(Spying):
    """Raises where it is first asked, at the beginning or at the first hyperparameter."""

    def __init__(self, where):
        super().__init__()
        self.where = where

    def _raise(self, here):
        if self.where == here:
            self.where = None
            raise KeyError("no\nsuch thing")

    def before_trial(self, study, trial):
        self._raise("before")
        super().before_trial(study, trial)

    def infer_relative_search_space(self, study, trial):
        self._raise("within")
        return super().infer_relative_search_space(study, trial)


# --- what comes back


@pytest.mark.parametrize("name", NAMES)
def test_suggestions_are_legal_and_plain_and_conditions_hold(name):
    found, _ = go(OptunaSearch(SPACE, 3, name), 24)
    for configuration in found:
        legal(SPACE, configuration)
    assert {configuration["optimizer"] for configuration in found} == {"sgd", "adam"}
    assert all(("momentum" in each) == (each["optimizer"] == "sgd") for each in found)
    assert len({each["lr"] for each in found}) == len(found)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_from_rungs_alone(name):
    space = parse({"lr": (1e-4, 1.0, "log"), "other": (0.0, 1.0)})
    found, ledger = go(OptunaSearch(space, 1, name), 60)
    assert all(entry.status != "completed" for entry in ledger.trials.values())
    early, late = ([loss(each) for each in part] for part in (found[:10], found[-20:]))
    assert np.median(late) < np.median(early)


def test_choices_come_back_as_they_were_written():
    space = parse({"mixed": [True, 2, "2", 0.5], "order": {"choices": [4, 1, 2.5], "ordered": True}})
    found = [OptunaSearch(space, seed, "tpe").suggest(Ledger(MILESTONES), StartTrial(0, 1)) for seed in range(30)]
    assert {repr(each["mixed"]) for each in found} == {"True", "2", "'2'", "0.5"}
    assert {repr(each["order"]) for each in found} == {"4", "1", "2.5"}


# --- determinism


@pytest.mark.parametrize("name", [*NAMES, "object"])
def test_the_same_seed_suggests_the_same_and_another_seed_something_else(name):
    def build(seed):
        return OptunaSearch(SPACE, seed, optuna.samplers.TPESampler(n_startup_trials=4) if name == "object" else name)

    first, ledger = go(build(7), 20)
    assert go(build(7), 20)[0] == first
    assert go(build(8), 20)[0] != first
    assert build(7).suggest(ledger, StartTrial(20, 1)) == build(7).suggest(ledger, StartTrial(20, 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_resume_goes_on_as_if_nothing_had_been(name):
    whole, _ = go(OptunaSearch(SPACE, 7, name), 40)
    recorded = dict(enumerate(whole[:25]))
    assert go(Recorded(recorded, OptunaSearch(SPACE, 7, name)), 40)[0] == whole


class Lines:
    """A log in memory."""

    def __init__(self):
        self.records = []

    def append(self, records):
        self.records += records


def curve(launch):
    """Worse configurations take longer: trials overtake each other."""
    units = range(launch.start + 1, launch.milestone + 1)
    values = [loss(launch.configuration, unit) for unit in units]
    return Curve(units, values, [1.0 + launch.configuration["lr"] * 3] * len(units))


@pytest.mark.parametrize("name", NAMES)
def test_a_log_of_asha_on_four_workers_replays_from_its_events_and_from_any_cut(name):
    def tuner(recorded):
        searcher = Recorded(recorded, OptunaSearch(SPACE, 7, name))
        return Tuner(ASHA(max_resource=9), searcher, Fixed(1), seed=7, trials=24)

    log = Lines()
    drive(tuner({}), Simulator(curve, workers=4, max_resource=9), log)
    launched = {each.trial: each.configuration for each in log.records if isinstance(each, Launch) and not each.start}
    assert len(launched) == 24
    for known in (0, 15):
        recorded = {trial: each for trial, each in launched.items() if trial < known}
        assert replay(tuner(recorded), log.records) == []


@pytest.mark.parametrize("name", NAMES)
def test_asking_twice_answers_the_same_and_no_answer_is_shared(name):
    searcher = OptunaSearch(SPACE, 7, name)
    _, ledger = go(searcher, 14)
    first = searcher.suggest(ledger, StartTrial(14, 1))
    again = searcher.suggest(ledger, StartTrial(14, 1))
    assert again == first
    again.clear()
    assert searcher.suggest(ledger, StartTrial(14, 1)) == first


@pytest.mark.parametrize("name", NAMES)
def test_what_is_taken_back_or_comes_late_is_as_for_a_fresh_searcher(name):
    """A told trial fails and another one's first value comes late: nothing remembered may shine through."""
    searcher = OptunaSearch(SPACE, 7, name)
    ledger = Ledger(MILESTONES)
    launch(ledger, 0, SPACE.check({"lr": 0.3}))
    for trial in range(1, 22):
        if trial == 1:
            launch(ledger, 1, searcher.suggest(ledger, StartTrial(1, 1)))
        else:
            step(ledger, searcher, trial)
        if trial == 1:
            report(ledger, 0, 0, 0.0)
    report(ledger, 0, 1, 0.1)
    ledger.apply(TrialEnded(0.0, 21, "failed"))
    ledger.apply(FailTrial(5))
    want = OptunaSearch(SPACE, 7, name).suggest(ledger, StartTrial(22, 1))
    assert searcher.suggest(ledger, StartTrial(22, 1)) == want


def test_the_users_object_is_left_as_it_was_and_no_global_randomness_is_touched():
    sampler = optuna.samplers.TPESampler(seed=5)
    states = random.getstate(), np.random.get_state()[1].tolist(), sampler._rng.rng.get_state()[1].tolist()
    go(OptunaSearch(SPACE, 0, sampler), 15)
    after = random.getstate(), np.random.get_state()[1].tolist(), sampler._rng.rng.get_state()[1].tolist()
    assert states == after


# --- what it is told


def entries():
    """One trial of each kind, all of them as the ledger folds them."""
    ledger = Ledger(MILESTONES)
    for trial in range(10):
        launch(ledger, trial, SPACE.check({"lr": 0.1}), 9)
    for trial in (1, 2, 3, 4, 5):
        report(ledger, trial, 1, 0.5)
    pause(ledger, 1, 1)
    report(ledger, 2, 3, 0.25)
    for trial, value in ((3, 0.125), (4, math.nan), (8, -math.inf)):
        report(ledger, trial, 9, value)
        ledger.apply(TrialEnded(0.0, trial, "completed"))
    ledger.apply(TrialEnded(0.0, 5, "stopped"))
    ledger.apply(TrialFailed(0.0, 6, 0, "exit", ""))
    ledger.apply(FailTrial(6))
    ledger.apply(TrialEnded(0.0, 7, "stopped"))
    ledger.apply(TrialEnded(0.0, 9, "lost"))
    return ledger


def test_each_kind_of_trial_counts_as_it_should():
    found = {trial: counted(entry, MILESTONES) for trial, entry in entries().trials.items()}
    same = pytest.approx
    assert found == {
        0: ("RUNNING", None, {}),
        1: ("PRUNED", None, {1: 0.5}),
        2: ("PRUNED", None, {1: 0.5, 3: 0.25}),
        3: ("COMPLETE", 0.125, {1: 0.5, 3: 0.125, 9: 0.125}),
        4: ("PRUNED", None, same({1: 0.5, 3: math.nan, 9: math.nan}, nan_ok=True)),
        5: ("PRUNED", None, {1: 0.5}),
        6: ("FAIL", None, {}),
        7: ("FAIL", None, {}),
        8: ("PRUNED", None, same({1: math.nan, 3: math.nan, 9: math.nan}, nan_ok=True)),
        9: ("FAIL", None, {}),
    }


def test_a_stopped_trial_short_of_every_rung_is_told_by_its_last_report():
    ledger = Ledger((5, 9))
    launch(ledger, 0, SPACE.check({}), 5)
    report(ledger, 0, 3, 0.5)
    ledger.apply(TrialEnded(0.0, 0, "stopped"))
    assert counted(ledger.trials[0], (5, 9)) == ("PRUNED", None, {3: 0.5})


def test_first_values_come_by_number_and_leave_out_who_began_above():
    ledger = Ledger(MILESTONES)
    launch(ledger, 0, SPACE.check({}))
    launch(ledger, 1, SPACE.check({}))
    report(ledger, 1, 1, math.nan)
    report(ledger, 0, 1, 0.5)
    ledger.apply(TrialPaused(0.0, 0, 1))
    ledger.apply(Launch(2, SPACE.check({}), 1, 3, 1, 0, 0))
    report(ledger, 2, 3, 0.1)
    assert first_values(ledger) == [(0, 0.5), (1, math.inf)]


def test_a_sampler_sees_every_trial_as_it_stands_and_only_once():
    sampler = Spying()
    searcher = OptunaSearch(SPACE, 0, sampler)
    ledger = entries()
    searcher.suggest(ledger, StartTrial(10, 1))
    *seen, own = sampler.seen
    assert [trial.state.name for trial in seen] == [
        "RUNNING", "PRUNED", "PRUNED", "COMPLETE", "PRUNED", "PRUNED", "FAIL", "FAIL", "PRUNED", "FAIL",
    ]  # fmt: skip
    assert own.state.name == "RUNNING"
    assert [trial.number for trial in seen] == list(range(10))
    assert seen[2].intermediate_values == {1: 0.5, 3: 0.25}
    assert seen[0].params == {
        "lr": 0.1, "layers": 3, "width": 0, "optimizer": "sgd", "name": "net",
        "momentum": pytest.approx(0.495), "nesterov": True,
    }  # fmt: skip
    launch(ledger, 1, ledger.trials[1].configuration, 3, 1)
    report(ledger, 1, 3, 0.2)
    searcher.suggest(ledger, StartTrial(10, 1))
    assert len(sampler.seen) == 11
    assert sampler.seen[1].intermediate_values == {1: 0.5, 3: 0.2}


def test_a_sampler_of_the_users_own_is_asked_for_what_others_gave():
    sampler = Spying()
    searcher = OptunaSearch(SPACE, 0, sampler)
    _, ledger = go(OptunaSearch(SPACE, 0, "tpe"), 3)
    searcher.suggest(ledger, StartTrial(3, 1))
    assert sampler.numbers == [0, 1, 2, 3]
    launch(ledger, 3, SPACE.check({}))
    searcher.suggest(ledger, StartTrial(4, 1))
    assert sampler.numbers == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["QMCSampler", "NSGAIISampler"])
def test_samplers_with_a_state_go_on_and_do_not_begin_again_after_a_resume(kind):
    space = parse({"a": (0.0, 1.0), "b": (0.0, 1.0)})

    def build():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = {"QMCSampler": lambda: optuna.samplers.QMCSampler(seed=1, scramble=False)}.get(kind)
            return OptunaSearch(space, 0, made() if made else optuna.samplers.NSGAIISampler(population_size=4))

    whole, _ = go(build(), 14, lambda each, _=1: each["a"])
    resumed, _ = go(Recorded(dict(enumerate(whole[:8])), build()), 14, lambda each, _=1: each["a"])
    assert len({tuple(each.values()) for each in whole}) == 14
    assert len({tuple(each.values()) for each in resumed}) == 14


def test_a_configuration_from_elsewhere_may_hold_what_the_space_does_not_know():
    for name in NAMES:
        ledger = Ledger(MILESTONES)
        for trial, odd in enumerate(({"lr": 7.0}, {"rate": 3}, {**SPACE.check({}), "more": "x"})):
            launch(ledger, trial, odd)
            report(ledger, trial, 1, 0.5)
        legal(SPACE, OptunaSearch(SPACE, 0, name).suggest(ledger, StartTrial(3, 1)))


# --- finite and forbidden


@pytest.mark.parametrize("name", NAMES)
def test_a_finite_space_is_tried_once_through_and_then_ends(name):
    space = parse({"a": (1, 3), "b": ["x", "y"], "c": {"choices": [1, 2], "when": {"b": "y"}}})
    searcher, ledger = OptunaSearch(space, 0, name), Ledger(MILESTONES)
    found = [step(ledger, searcher, trial, lambda each, _=1: each["a"]) for trial in range(9)]
    assert len({key_of(space, each) for each in found}) == 9
    assert searcher.suggest(ledger, StartTrial(9, 1)) is None


def test_what_is_forbidden_is_never_suggested_however_little_is_allowed():
    clauses = [{"a": [1, 2, 3, 4, 5, 6], "b": [1, 2, 3, 4, 5]}, {"a": [1, 2, 3, 4, 5], "b": [6]}]
    space = parse({"a": {"range": [1, 6], "default": 6}, "b": {"range": [1, 6], "default": 6}, "forbidden": clauses})
    searcher, ledger = OptunaSearch(space, 0, "tpe"), Ledger(MILESTONES)
    assert step(ledger, searcher, 0, lambda *_: 1.0) == {"a": 6, "b": 6}
    assert searcher.suggest(ledger, StartTrial(1, 1)) is None


# --- bad input


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [1.0, 1e300, -1e300, math.nan, math.inf], ids=str)
def test_observations_all_alike_huge_or_not_finite(name, value):
    found, _ = go(OptunaSearch(SPACE, 0, name), 16, lambda *_: value)
    for configuration in found:
        legal(SPACE, configuration)


@pytest.mark.parametrize("name", NAMES)
def test_huge_values_among_small_ones(name):
    values = iter([1e300, -1e300, 0.0, 1e-300, math.inf, 1.0, 2.0] * 10)
    for configuration in go(OptunaSearch(SPACE, 0, name), 16, lambda *_: next(values))[0]:
        legal(SPACE, configuration)


@pytest.mark.parametrize("name", NAMES)
def test_all_failed(name):
    searcher, ledger = OptunaSearch(SPACE, 0, name), Ledger(MILESTONES)
    found = []
    for trial in range(14):
        found.append(searcher.suggest(ledger, StartTrial(trial, 1)))
        launch(ledger, trial, found[-1])
        ledger.apply(TrialEnded(0.0, trial, "failed"))
    assert len({each["lr"] for each in found}) == 14


@pytest.mark.parametrize(("name", "trials"), [("tpe", 13), ("cmaes", 4)])  # both past their random beginning
def test_a_constant_dimension_many_dimensions_and_many_choices(name, trials):
    many = {f"x{i}": (0.0, 1.0) for i in range(200)}
    form = {**many, "same": 3, "one": ["only"], "big": [f"c{i}" for i in range(1000)]}
    space = parse(form)
    for configuration in go(OptunaSearch(space, 0, name), trials, lambda each, _=1: each["x0"])[0]:
        legal(space, configuration)
        assert (configuration["same"], configuration["one"]) == (3, "only")


@pytest.mark.parametrize("name", NAMES)
def test_conditional_hyperparameters_that_are_inactive_everywhere(name):
    space = parse({"x": (0.0, 1.0), "kind": ["a", "b"], "y": {"range": [0.0, 1.0], "when": {"kind": "b"}},
                   "forbidden": [{"kind": "b"}]})  # fmt: skip
    for configuration in go(OptunaSearch(space, 0, name), 14, lambda each, _=1: each["x"])[0]:
        assert list(configuration) == ["x", "kind"]


@pytest.mark.parametrize("where", ["before", "within"])
@pytest.mark.parametrize("known", [0, 3])
def test_a_sampler_that_raises_is_named_in_one_sentence_and_nothing_is_half_told(where, known):
    sampler = RaisingOnce(where)
    searcher = OptunaSearch(SPACE, 0, sampler)
    _, ledger = go(OptunaSearch(SPACE, 0, "tpe"), known)
    words = f"RaisingOnce raised KeyError when asked for trial {known} .*no.*such thing"
    with pytest.raises(InputError, match=words) as caught:
        searcher.suggest(ledger, StartTrial(known, 1))
    assert "\n" not in str(caught.value)
    legal(SPACE, searcher.suggest(ledger, StartTrial(known, 1)))
    assert [trial.number for trial in sampler.seen] == list(range(known + 1))


@pytest.mark.parametrize("sampler", ["gp", "", None, 3, object(), optuna.samplers.TPESampler], ids=type)
def test_anything_else_is_refused(sampler):
    with pytest.raises(InputError, match=r"must be 'tpe', 'cmaes' or an object of optuna\.samplers"):
        OptunaSearch(SPACE, 0, sampler)


@pytest.mark.parametrize("seed", [-1, 1.5, None])
def test_a_seed_must_be_a_whole_number(seed):
    with pytest.raises(InputError, match=r"seed is .* 0 or more"):
        OptunaSearch(SPACE, seed, "tpe")


@pytest.mark.parametrize(("missing", "name"), [("optuna", "tpe"), ("cmaes", "cmaes")])
def test_a_library_that_lacks_is_told_with_what_to_install(monkeypatch, missing, name):
    real = builtins.__import__

    def refusing(wanted, *more, **rest):
        if wanted == missing:
            raise ModuleNotFoundError(f"No module named {wanted!r}", name=wanted)
        return real(wanted, *more, **rest)

    monkeypatch.setattr(builtins, "__import__", refusing)
    with pytest.raises(InputError, match=rf"{missing} is not installed: pip install 'rungwise\[optuna\]'"):
        OptunaSearch(SPACE, 0, name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_printed_warned_or_changed_in_optunas_settings(name, capfd):
    level, filters = optuna.logging.get_verbosity(), list(warnings.filters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        go(OptunaSearch(SPACE, 0, name), 14)
    assert [str(each.message) for each in caught] == []
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == level == logging.INFO
    assert list(warnings.filters) == filters


def test_axes_are_told_what_they_ask_for():
    axes = axes_of(SPACE)
    assert [axis.always for axis in axes.values()] == [True, True, True, True, False, False, True]
    assert (axes["width"].told(64), axes["optimizer"].told("adam"), axes["layers"].told(4)) == (2, "adam", 4)
    assert [axes["width"].told(value) for value in (17, "16", None)] == [None, None, None]
