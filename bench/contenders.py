"""Who is compared: a contender is a row of this table."""

import pkgutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import cast

from fastnn import _kernels

from .peers import Peer


@dataclass(frozen=True)
class Contender:
    """One implementation, or one way to run it.

    Attributes
    ----------
    name : str
        What the table calls it.
    path : str
        ``module:class`` of a `Peer` in ``bench.peers``, imported by the processes that run it.
    distributions : tuple of str
        What has to be installed, and whose versions count.
    isa : str, optional
        The value of ``FASTNN_ISA``; by default fastnn chooses.
    """

    name: str
    path: str
    distributions: tuple[str, ...]
    isa: str | None = None

    def missing(self) -> str | None:
        """What it lacks to run here, in words."""
        for distribution in self.distributions:
            try:
                version(distribution)
            except PackageNotFoundError:
                return f"{distribution} is not installed"
        if self.isa and self.isa not in _kernels.runnable_variants():
            return f"this CPU cannot run {self.isa}"
        return None

    def load(self) -> type[Peer]:
        """Import the class."""
        return cast(type[Peer], pkgutil.resolve_name(f"{__package__}.peers.{self.path}"))


FASTNN = Contender("fastnn", "mlp:FastNN", ("fastnn-mlp",))
FASTNN_AVX2 = Contender("fastnn, AVX2", "mlp:FastNN", ("fastnn-mlp",), isa="avx2")
NUMPY = Contender("NumPy", "mlp:NumPy", ("numpy",))  # the reference, which all are held to
SCIKIT_LEARN = Contender("scikit-learn", "scikit_learn:ScikitLearn", ("scikit-learn",))
PYTORCH = Contender("PyTorch", "torch:PyTorch", ("torch",))
PYTORCH_MODULES = Contender("PyTorch, nn.Module", "torch:PyTorchModules", ("torch",))
JAX = Contender("JAX", "jax:JAX", ("jax", "jaxlib"))
ONNX_RUNTIME = Contender("ONNX Runtime", "onnx_runtime:ONNXRuntime", ("onnxruntime", "onnx"))

CONTENDERS = (FASTNN, FASTNN_AVX2, NUMPY, SCIKIT_LEARN, PYTORCH, PYTORCH_MODULES, JAX, ONNX_RUNTIME)
