"""The Gaussian process of `gp`: BoTorch's, over configurations and resources (Klein et al. 2020, section 4).

1. Inputs are rows of codes (see `rungwise.searchers.codes`), inactive ones filled, and the resource last: as a share
   of the largest, or the number of the rung where rungs have nothing in common. Values are normal scores, minimised.
2. The covariance is that of two configurations times that of two resources. Numbers: squared exponential, a length
   scale each; unordered choices: exp(-1/l) for a choice that differs. Resources: what BoTorch has for the iterations of
   a training, w + 1/(1 + (r + r')/b)^a; with `per_rung` 1 on the same rung, 0 between two.
3. Its hyperparameters maximise the marginal likelihood and their priors (L-BFGS, from the priors' modes).
4. Of each candidate the expected improvement on the best value is told, averaged over fantasies: joint draws of what
   the pending trials will report.

One thread, no random state: the same input gives the same output, up to rounding between processors.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import pi, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from linear_operator.utils.errors import NanError, NotPSDError
from torch import Tensor

if TYPE_CHECKING:
    from botorch.models import SingleTaskGP
    from gpytorch.distributions import MultivariateNormal
    from gpytorch.kernels import Kernel
    from numpy.typing import NDArray

    from rungwise.searchers.codes import Array

ITERATIONS = 50
JITTER = 1e-6
UNSOLVED = (NanError, NotPSDError, torch.linalg.LinAlgError)  # type: ignore[attr-defined]
"""What linear algebra says of matrices that rounding has made worthless."""
APART = 1e-2  # a length scale at which exp(-1/l) is nothing


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of the input hold numbers, and which unordered choices; the resource follows them."""

    numbers: tuple[int, ...]
    choices: tuple[int, ...]
    per_rung: bool

    @property
    def resource(self) -> int:
        """The column of the resource."""
        return len(self.numbers) + len(self.choices)


@contextmanager
def one_thread() -> Iterator[None]:
    """Linear algebra on one thread: sums are then made in one order, and trials keep their cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fit(inputs: "Array", values: "Array", columns: Columns) -> dict[str, Any]:
    """Hyperparameters for these observations, inputs (n, d + 1) and values (n,); the priors' modes if that fails."""
    import warnings

    from botorch.exceptions.errors import ModelFittingError
    from botorch.optim.fit import fit_gpytorch_mll_scipy
    from gpytorch.mlls import ExactMarginalLogLikelihood

    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _model(inputs, values, columns)
        start = {name: value.clone() for name, value in model.state_dict().items()}
        likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
        try:
            fit_gpytorch_mll_scipy(likelihood.train(), options={"maxiter": ITERATIONS})
        except (ModelFittingError, *UNSOLVED):
            return start
        return dict(model.state_dict())


def _model(inputs: "Array", values: "Array", columns: Columns) -> "SingleTaskGP":
    from botorch.models import SingleTaskGP

    return SingleTaskGP(
        torch.as_tensor(inputs),
        torch.as_tensor(values).unsqueeze(-1),
        covar_module=_covariance(columns),
        outcome_transform=None,
    )


def _covariance(columns: Columns) -> "Kernel":
    from botorch.models.kernels import CategoricalKernel, ExponentialDecayKernel
    from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
    from gpytorch.kernels import ProductKernel, ScaleKernel
    from gpytorch.priors import GammaPrior

    kernels: list[Kernel] = []
    if columns.numbers:
        kernels.append(get_covar_module_with_dim_scaled_prior(len(columns.numbers), active_dims=columns.numbers))
    if columns.choices:
        prior = GammaPrior(3.0, 6.0)
        kernels.append(
            CategoricalKernel(ard_num_dims=len(columns.choices), active_dims=columns.choices, lengthscale_prior=prior)
        )
    if columns.per_rung:
        apart = CategoricalKernel(active_dims=[columns.resource])
        apart.lengthscale = APART
        apart.raw_lengthscale.requires_grad_(False)
        return ScaleKernel(ProductKernel(*kernels, apart), outputscale_prior=GammaPrior(2.0, 0.15))
    priors = {f"{name}_prior": GammaPrior(3.0, 6.0) for name in ("lengthscale", "offset", "power")}
    return ProductKernel(*kernels, ExponentialDecayKernel(active_dims=[columns.resource], **priors))


class Process:
    """The process given observations, with hyperparameters that `fit` found."""

    def __init__(self, inputs: "Array", values: "Array", columns: Columns, hyperparameters: dict[str, Any]) -> None:
        self._model = _model(inputs, values, columns)
        self._model.load_state_dict(hyperparameters)
        self._model.eval()

    def means(self, inputs: "Array") -> "Array":
        """What is expected at some inputs, (m,)."""
        with one_thread():
            found: Array = self._posterior(inputs).mean.numpy()
        return found

    def _posterior(self, inputs: "Array") -> "MultivariateNormal":
        """What is measured, but for its noise; covariances are worked out where they are asked for."""
        with torch.no_grad():
            found: Any = self._model.posterior(torch.as_tensor(inputs))
        return found.distribution

    def improvement(
        self, pending: "Array", candidates: "Array", counts: "NDArray[np.bool_]", best: float, draws: "Array"
    ) -> "Array":
        """The expected improvement of each candidate (m,) on `best`, averaged over fantasies of the pending ones.

        `draws` are standard normal, shape (pending, fantasies); `counts` says which pending ones are at the candidates'
        resource, so that their values may become the best.
        """
        with one_thread():
            result: Array = self._gains(pending, candidates, counts, best, torch.as_tensor(draws)).numpy()
        return result

    def _gains(
        self, pending: "Array", candidates: "Array", counts: "NDArray[np.bool_]", best: float, normals: Tensor
    ) -> Tensor:
        waiting = len(pending)
        posterior = self._posterior(_stacked(pending, candidates))
        mean, covariance = posterior.mean, posterior.covariance_matrix
        means, variances = mean[waiting:, None], covariance.diagonal()[waiting:]
        bests = torch.full((1, normals.shape[1]), best, dtype=mean.dtype)
        if waiting:
            noise = self._model.likelihood.noise.detach() + JITTER
            factor = torch.linalg.cholesky(
                covariance[:waiting, :waiting] + noise * torch.eye(waiting, dtype=mean.dtype)
            )
            weights = torch.linalg.solve_triangular(factor, covariance[:waiting, waiting:], upper=False)
            means = means + weights.T @ normals
            variances = variances - weights.square().sum(0)
            imagined = mean[:waiting, None] + factor @ normals
            imagined[~torch.as_tensor(counts)] = best
            bests = torch.minimum(bests, imagined.min(0, keepdim=True).values)
        deviations = variances.clamp_min(1e-12).sqrt()[:, None]
        scaled = (bests - means) / deviations
        density = torch.exp(-scaled.square() / 2) / sqrt(2 * pi)
        gains: Tensor = deviations * (density + scaled * torch.special.ndtr(scaled))
        return gains.mean(1)


def _stacked(one: "Array", other: "Array") -> "Array":
    return np.concatenate([one, other]) if len(one) else other
