"""Tune a network that reads handwritten digits: `python examples/digits.py`, or `rungwise demo`."""

import pickle

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import rungwise as rw

SPACE = {
    "layers": {"range": [1, 2]},
    "width": (8, 128, "log"),
    "activation": ["relu", "tanh"],
    "optimizer": ["sgd", "adam"],
    "momentum": {"range": [0.0, 0.99], "when": {"optimizer": "sgd"}},
    "lr": (1e-4, 0.3, "log"),
    "batch": (16, 256, "log"),
    "decay": (1e-6, 1e-1, "log"),
}


def train(trial: rw.Trial) -> None:
    images, digits = load_digits(return_X_y=True)
    rest, test, rest_digits, test_digits = train_test_split(images / 16, digits, test_size=360, random_state=0)
    fit, val, fit_digits, val_digits = train_test_split(rest, rest_digits, test_size=360, random_state=0)

    config = trial.config
    model = MLPClassifier(
        hidden_layer_sizes=[config["width"]] * config["layers"],
        activation=config["activation"],
        solver=config["optimizer"],
        momentum=config.get("momentum", 0.9),
        learning_rate_init=config["lr"],
        batch_size=config["batch"],
        alpha=config["decay"],
        random_state=trial.seed,
    )
    if (folder := trial.load()) is not None:
        model = pickle.loads((folder / "model.pickle").read_bytes())
    for epoch in trial.epochs():
        model.partial_fit(fit, fit_digits, classes=range(10))
        trial.report(
            epoch,
            val_accuracy=model.score(val, val_digits),
            test_accuracy=model.score(test, test_digits),  # recorded beside it; the tuner does not look at it
            save=lambda folder: (folder / "model.pickle").write_bytes(pickle.dumps(model)),
        )


if __name__ == "__main__":
    result = rw.tune(
        train, SPACE, metric="val_accuracy", mode="max", max_resource=81,
        scheduler="pasha", trials=64, workers=2, seed=0, preload=["sklearn.neural_network"],
    )  # fmt: skip
    print(result.best.config, result.best.value)
