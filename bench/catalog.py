"""The work that is timed: a job is a row of this table, and a bar is a goal of the project."""

from .contenders import (
    FASTNN,
    FASTNN_AVX2,
    JAX,
    NUMPY,
    ONNX_RUNTIME,
    PYTORCH,
    PYTORCH_MODULES,
    SCIKIT_LEARN,
)
from .jobs import Job, Prediction, Training, TwoTrainings, at_least, at_most
from .problems import (
    IRIS,
    MNIST,
    MNIST_TEST,
    MNIST_TILED,
    NORMAL,
    NORMAL_DEEP,
    NORMAL_RELU,
    NORMAL_SMALL,
    SPARSE,
)

_TILED = Prediction(problem=MNIST_TILED, contenders=(FASTNN,))
_IN_SEQUENCE = TwoTrainings(problem=MNIST, batch_size=1, learning_rate=0.01)
_DEEP = Training(
    problem=NORMAL_DEEP,
    batch_size=128,
    learning_rate=0.02,
    bars=(at_least(1.4, PYTORCH), at_least(0.95, JAX)),
)

JOBS: tuple[Job, ...] = (
    Training(
        problem=IRIS,
        batch_size=1,
        epochs=20,
        learning_rate=0.1,
        bars=(at_least(150, NUMPY),),
    ),
    Training(problem=IRIS, batch_size=32, epochs=100, learning_rate=0.3),
    Training(
        problem=IRIS,
        batch_size=None,
        epochs=5_000,
        learning_rate=0.5,
        bars=(at_least(15, NUMPY),),
    ),
    Prediction(problem=IRIS, passes=100),
    Training(
        problem=MNIST,
        batch_size=1,
        learning_rate=0.01,
        contenders=(FASTNN, FASTNN_AVX2, NUMPY, SCIKIT_LEARN, PYTORCH, PYTORCH_MODULES, JAX),
        bars=(
            at_least(6, JAX),
            at_least(55, PYTORCH),
            at_least(55, PYTORCH_MODULES),
            at_least(20, NUMPY),
            at_most(1.4, FASTNN_AVX2),
        ),
    ),
    Training(problem=MNIST, batch_size=128, learning_rate=0.2),
    Training(
        problem=NORMAL,
        batch_size=1,
        learning_rate=0.01,
        bars=(at_least(2, JAX), at_least(7, NUMPY)),
    ),
    Training(
        problem=NORMAL_RELU,
        batch_size=128,
        learning_rate=0.005,
        bars=(at_least(1.2, PYTORCH), at_least(0.97, JAX)),
    ),
    Training(
        problem=NORMAL_RELU,
        batch_size=128,
        learning_rate=0.005,
        threads=2,
        bars=(at_least(1.2, PYTORCH), at_least(0.97, JAX)),
    ),
    Training(
        problem=NORMAL_DEEP,
        batch_size=32,
        learning_rate=0.02,
        bars=(at_least(2.5, PYTORCH), at_least(0.95, JAX)),
    ),
    _DEEP,
    Training(
        problem=NORMAL_DEEP,
        batch_size=128,
        learning_rate=0.02,
        dropout=0.2,
        contenders=(FASTNN, NUMPY),  # others draw other units
        bars=(at_least(0.87, FASTNN, on=_DEEP),),  # 1 / 1.15: it costs at most 15 %
    ),
    Training(
        problem=NORMAL_DEEP,
        batch_size=128,
        learning_rate=0.001,
        rule="adam",
        contenders=(FASTNN, NUMPY, SCIKIT_LEARN, PYTORCH, PYTORCH_MODULES, JAX),
        bars=(at_least(1.5, PYTORCH, PYTORCH_MODULES),),
    ),
    Training(
        problem=NORMAL_DEEP,
        batch_size=128,
        learning_rate=0.002,
        rule="momentum",
        contenders=(FASTNN, NUMPY, SCIKIT_LEARN, PYTORCH, PYTORCH_MODULES, JAX),
        bars=(at_least(1.4, PYTORCH, PYTORCH_MODULES),),
    ),
    Prediction(
        problem=NORMAL_SMALL,
        rows=2_000,
        one_by_one=True,
        bars=(at_least(3, ONNX_RUNTIME), at_least(50, SCIKIT_LEARN)),
    ),
    Prediction(
        problem=NORMAL_SMALL,
        rows=4_096,
        passes=50,
        bars=(at_least(1, ONNX_RUNTIME),),
    ),
    Prediction(
        problem=MNIST_TEST,
        rows=2_000,
        one_by_one=True,
        bars=(at_least(7, PYTORCH), at_least(3, ONNX_RUNTIME)),
    ),
    Prediction(
        problem=MNIST_TEST,
        rows=10_000,
        bars=(at_least(1.7, SCIKIT_LEARN, PYTORCH, ONNX_RUNTIME),),
    ),
    Training(
        problem=SPARSE,
        batch_size=1,
        epochs=5,  # of few rows: as in most trainings, a call takes longer than to check it
        learning_rate=0.002,
        contenders=(FASTNN, SCIKIT_LEARN),
        bars=(at_least(25, SCIKIT_LEARN),),
    ),
    _TILED,
    Prediction(
        problem=MNIST_TILED,
        threads=2,
        contenders=(FASTNN,),
        bars=(at_least(1.7, FASTNN, on=_TILED),),
    ),
    _IN_SEQUENCE,
    TwoTrainings(
        problem=MNIST,
        batch_size=1,
        learning_rate=0.01,
        threads=2,
        bars=(at_least(1.8, FASTNN, on=_IN_SEQUENCE),),
    ),
)
