"""What model files hold of the training: going on through a file, and files that are damaged."""

import json
import math
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Kind, Options, assert_close, parameters, parametrize, refusal
from safetensors.numpy import load, save

import fastnn
from fastnn import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Cosine,
    Linear,
    ModelFileError,
    OneCycle,
    ReduceOnPlateau,
    RMSprop,
    Rprop,
    reference,
)
from fastnn.network import Network

N_BATCHES = 7  # per epoch
FULL_BATCH: Options = {"optimizer": "lbfgs", "batch_size": None, "dropout": 0}
SETTINGS: dict[str, Options] = {
    "sgd": {"optimizer": "sgd", "l2": 0.01},
    "sgd, a rate that falls": {"learning_rate": Linear(0.3, n_steps=8 * N_BATCHES)},
    "sgd, a function of the step": {"learning_rate": lambda step: 0.3 / (1 + step)},
    "momentum": {"optimizer": SGD(0.05, momentum=0.9), "max_norm": 2.0},
    "nesterov": {"optimizer": SGD(Cosine(0.05, n_steps=8 * N_BATCHES), 0.9, nesterov=True)},
    "adam": {"optimizer": Adam(OneCycle(0.01, n_steps=10 * N_BATCHES)), "clip_norm": 0.5},
    "adam on a plateau": {"optimizer": Adam(ReduceOnPlateau(0.05, patience=0, min_delta=0.2))},
    "adamw": {"optimizer": AdamW(0.01, weight_decay=0.1), "l1": 0.001},
    "rmsprop": {"optimizer": RMSprop(0.01)},
    "adagrad": {"optimizer": Adagrad(0.1)},
    "rprop": {"optimizer": Rprop(), "batch_size": None},
    "lbfgs": {**FULL_BATCH, "l2": 0.01},
    "sgd, validated": {"validation_fraction": 0.2},
    "adam, validated": {"optimizer": "adam", "validation_fraction": 0.2},
    "lbfgs, validated": {**FULL_BATCH, "validation_fraction": 0.2},
}


def data() -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(50, 5)).astype(np.float32)
    return X, (X[:, 0] > 0) + (X[:, 1] > 0)


def new(kind: Kind, seed: int = 1) -> Network:
    return kind([5, 17, 6, 3], activation=["tanh", "relu"], loss="cross_entropy", seed=seed)


def train(net: Network, epochs: int, settings: Options) -> list[float]:
    options = {"batch_size": 8, "dropout": [0.2, 0.1], **settings}
    return net.train(*data(), epochs=epochs, **options).loss


# For the reference, one example is a batch.
@parametrize(
    "kind, batch_size",
    (fastnn.MLP, 8),
    (fastnn.MLP, 1),
    (reference.MLP, 8),
    ids=["kernels, batches", "kernels, one by one", "reference"],
)
@parametrize("name", *SETTINGS)
def test_five_and_five_epochs_are_ten(
    tmp_path: Path, kind: Kind, name: str, batch_size: int
) -> None:
    """To the bit, with shuffling and dropout, for every optimizer."""
    settings = {"batch_size": batch_size, **SETTINGS[name]}
    if settings["batch_size"] is None and batch_size == 1:
        settings["n_threads"] = 2  # it takes the full batch alone
    at_once, in_parts = new(kind), new(kind)
    losses = train(at_once, 10, settings)
    first = train(in_parts, 5, settings)
    in_parts.save(tmp_path / "model")
    loaded = kind.load(tmp_path / "model")
    assert losses == first + train(loaded, 5, settings)
    assert parameters(loaded) == parameters(at_once)
    # The memory of the optimizer matters, where it has one.
    in_parts.save(tmp_path / "without", include_optimizer=False)
    forgetful = kind.load(tmp_path / "without")
    train(forgetful, 5, settings)
    has_memory = name not in ("sgd", "sgd, validated")
    assert (parameters(forgetful) != parameters(at_once)) == has_memory


@parametrize("first, second", (fastnn.MLP, reference.MLP), (reference.MLP, fastnn.MLP))
def test_one_kind_goes_on_with_what_the_other_wrote(
    tmp_path: Path, first: Kind, second: Kind
) -> None:
    settings: Options = {"optimizer": "adam"}
    net, untroubled = new(first), new(first)
    train(net, 3, settings)
    net.save(tmp_path / "model")
    loaded = second.load(tmp_path / "model")
    train(loaded, 3, settings)
    train(untroubled, 6, settings)
    assert_close(loaded.weights, untroubled.weights, atol=1e-5)


def test_a_seed_takes_the_place_of_the_generator(tmp_path: Path) -> None:
    net = new(fastnn.MLP)
    net.save(tmp_path / "model")
    loaded = [fastnn.MLP.load(tmp_path / "model", seed=seed) for seed in (None, None, 3, 3, 4)]
    orders = [net._memory.generator.permutation(50).tolist() for net in loaded]
    assert orders[0] == orders[1] == net._memory.generator.permutation(50).tolist()
    assert orders[2] == orders[3] == np.random.default_rng(3).permutation(50).tolist()
    assert orders[4] != orders[3] != orders[0]


@parametrize("kind", np.random.PCG64DXSM, np.random.MT19937, np.random.SFC64)
def test_other_generators(tmp_path: Path, kind: Callable[[int], Any]) -> None:
    """Those whose state is more than numbers are left out: it could not be checked."""
    net = fastnn.MLP([2, 3, 1], seed=np.random.Generator(kind(5)))
    net.save(tmp_path / "model")
    loaded = fastnn.MLP.load(tmp_path / "model")
    same = kind is np.random.PCG64DXSM
    assert (loaded._memory.generator.random() == net._memory.generator.random()) == same


# Damage


def split(content: bytes) -> tuple[dict[str, str], Options]:
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length])["__metadata__"], load(content)


TEXTS = ("architecture", "training", "data")


def with_checksum(metadata: dict[str, str], tensors: Options) -> bytes:
    """A file whose checksum is right, whatever is in it."""
    crc = 0
    for part in TEXTS:
        crc = zlib.crc32(metadata.get(part, "").encode(), crc)
    for name in names(tensors):
        crc = zlib.crc32(np.ascontiguousarray(tensors[name]).data, crc)
    return save(tensors, {**metadata, "crc32": f"{crc:08x}"})


def names(tensors: Options) -> list[str]:
    """In the order of the checksum: weights, biases, and again for each slot, here of Adam."""
    slots = ("", "mean.", "mean_square.")
    kinds = [f"{slot}{kind}." for slot in slots for kind in ("weights", "biases")]
    known = [f"{kind}{layer}" for kind in kinds for layer in range(3)]
    return [name for name in known if name in tensors]


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    net = new(fastnn.MLP)
    train(net, 1, {**SETTINGS["adam on a plateau"], "validation_fraction": 0.1})
    path = tmp_path_factory.mktemp("models") / "model"
    net.save(path)
    return path.read_bytes()


def test_a_right_checksum_is_right(content: bytes) -> None:
    assert split(with_checksum(*split(content)))[0] == split(content)[0]


DAMAGED: dict[str, list[Any]] = {  # by the place in the record of the training
    "optimizer": [
        {"sgdm": {}},
        *({"adam": {"beta_1": 2}}, {"adam": {"beta_1": "0.9"}}, {"adam": {"learning_rate": 0.1}}),
        *({"adam": []}, {"adam": {"gamma": 1}}),
        {"sgd": {}},  # which has no slots, as there are
        {"adam": {}, "sgd": {}},
        "adam",
    ],
    "learning_rate": [-1, math.nan, {"linear": {"start": 0}}, {"of_step": {"function": 1}}, []],
    "n_steps": [-1, 2**64, 1.5, True],
    "n_steps_of_schedule": [None],
    "plateau": [{}],
    "plateau rate": [-1, math.inf],
    "plateau n_bad_epochs": [-1],
    "plateau more": [1],
    "split": [{}, 1],
    "split n_examples": [0, 57, "50", 2**64, 48],  # of 50; the bits of 48 take another byte
    "split checksum": [-1, 2**32, 0.5],
    "split bits": [
        *(None, "?", "gAAAAAAA"),
        "AAAAAAAAAA==",  # no row
        "////////wA==",  # all
        "gAAAAAAAAQ==",  # one beyond the last
    ],
    "split more": [1],
    "generator": [{}],
    "generator bit_generator": ["MT19937", "default_rng"],
    "generator state inc": [2],
    "generator state state": [2**128, -1],
    "generator has_uint32": [7],
    "generator uinteger": [2**32, 0.0],
}


def refuses(path: Path, content: bytes, why: str = "") -> None:
    path.write_bytes(content)
    with refusal(ModelFileError, "", str(path), f"is damaged{why}"):
        fastnn.MLP.load(path)


@parametrize("place, value", *((place, v) for place, values in DAMAGED.items() for v in values))
def test_a_record_of_the_training_that_is_none(
    tmp_path: Path, content: bytes, place: str, value: Any
) -> None:
    metadata, tensors = split(content)
    parent = record = json.loads(metadata["training"])
    *parents, last = place.split()
    for name in parents:
        parent = parent[name]
    parent[last] = value
    changed = {**metadata, "training": json.dumps(record)}
    refuses(tmp_path / "model", with_checksum(changed, tensors))


@parametrize("text", None, "", "{", "[]", "null", "1", '{"generator": null}')
def test_no_record_of_the_training(tmp_path: Path, content: bytes, text: str | None) -> None:
    metadata, tensors = split(content)
    del metadata["training"]
    changed = metadata if text is None else {**metadata, "training": text}
    refuses(tmp_path / "model", with_checksum(changed, tensors))


JUNK: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        1,
        2,
        7,
        1e308,
        -0.5,
        2**31,
        2**63,
        2**130,
        "",
        "adam",
        "sgd",
        "relu",
        "0",
    ),
    *(math.nan, math.inf, [], {}, [1], {"adam": {}}, {"leaky_relu": {"negative_slope": 3}}),
]


def mutate_json(value: Any, generator: np.random.Generator) -> Any:
    """Change one thing somewhere in it."""
    if isinstance(value, dict | list) and value and generator.random() < 0.9:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = keys[generator.integers(len(keys))]
        changed = value.copy()
        if generator.random() < 0.1:
            del changed[key]
        else:
            changed[key] = mutate_json(value[key], generator)
        return changed
    return JUNK[generator.integers(len(JUNK))]


def mutate_bytes(content: bytes, generator: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(generator.integers(1, 4)):
        at = int(generator.integers(len(changed)))
        match generator.integers(4):
            case 0:
                changed[at] = generator.integers(256)
            case 1:
                del changed[at : at + int(generator.integers(1, 64))]
            case 2:
                changed[at:at] = generator.bytes(int(generator.integers(1, 64)))
            case 3:
                start = int(generator.integers(len(changed)))
                changed[at : at + 32] = changed[start : start + 32]
    return bytes(changed)


@parametrize("value", math.nan, math.inf)
def test_an_optimizer_that_keeps_what_is_not_finite(
    tmp_path: Path, content: bytes, value: float
) -> None:
    metadata, tensors = split(content)
    tensors["mean.biases.1"][2] = value
    why = ": the state of the optimizer is not finite"
    refuses(tmp_path / "model", with_checksum(metadata, tensors), why)


N_MUTATIONS = int(os.environ.get("FASTNN_MUTATIONS", "1000"))


@pytest.mark.memory
def test_of_many_mutations_each_is_a_network_or_the_documented_error(
    tmp_path: Path, content: bytes
) -> None:
    generator = np.random.default_rng(0)
    path = tmp_path / "model"
    metadata, tensors = split(content)
    X, _ = data()
    refused = loaded = 0
    for number in range(N_MUTATIONS):
        if number % 2:
            changed = mutate_bytes(content, generator)
        else:  # behind the checksum
            part = TEXTS[number // 2 % len(TEXTS)]
            text = json.dumps(mutate_json(json.loads(metadata[part]), generator))
            changed = with_checksum({**metadata, part: text}, tensors)
        path.write_bytes(changed)
        try:
            net = fastnn.MLP.load(path)
        except ModelFileError:
            refused += 1
            continue
        loaded += 1
        if net.layer_sizes[0] == 5:
            net.predict(X)
            if loaded % 50 == 0:
                net.train(X, np.ones((50, net.layer_sizes[-1])) / 3, batch_size=8, optimizer="adam")
    assert refused > N_MUTATIONS / 2
    assert loaded > N_MUTATIONS / 100, "nothing was loaded: what comes after was not tried"
