"""The thresholds of the kernel engine that tests change, with the measurement or reason for each.

They decide which way the numbers go, how much one kernel call does, and how much memory is used;
results differ by rounding at most. The measurements are of x86-64 with AVX2 and AVX-512. Tests set
them by the fixture ``tune``. Constants that are compiled into kernels stand beside their code.
"""

from typing import NamedTuple


class Tuning(NamedTuple):
    """Thresholds; "work" counts products of numbers: some ten per nanosecond, fifty in batches.

    Attributes
    ----------
    work_per_call, work_per_batch_call : int
        Work of one kernel call, per example and in batches: some milliseconds, so that Ctrl-C is
        noticed between calls.
    work_per_unit, work_per_example : int
        Work of an activation, which may be a call of libm, and of an example in any network.
    long_step : int
        Work of a batch, some 20 ms, from which on a step can be interrupted while it is made.
    work_per_backup : int
        Work per parameter beside which a copy of the parameters costs little.
    backups_per_checkpoint : int
        Backups after which a checkpoint is due: batches compute faster than memory can be copied.
    max_feature_major_parameters, feature_major_parameters_per_example : float
        Networks of at most so many parameters, and so many for each example of a batch, are
        computed feature-major: no vector of a narrow layer stays partly empty.
    max_columns : int
        Examples in a feature-major workspace, or up to a vector more.
    min_density_for_gemm : float
        Fraction of non-zeros in X below which the first layer goes through the non-zeros, which is
        faster there than a product of dense matrices.
    max_rows, max_sparse_rows : int
        Examples in an example-major workspace: larger ones are no faster. Sparse batches that fit
        as a whole step through few weights, which is worth more memory.
    min_rows_per_thread : int
        Examples for which another thread is worth its synchronization.
    min_examples_per_input : float
        Mean number of examples of a workspace with a given non-zero input, from which on lists per
        input are faster than one example after the other (784 and 5,000 inputs, batches of 8 to
        256: from 1.5 to 2.5).
    max_listed : int
        Inputs of all examples of a workspace, beyond which such lists take too much memory.
    rows_per_prediction : int
        Rows that are predicted together; the same for any number of threads, for the same bits.
    max_idle_bytes : int
        Size of a workspace that is kept from one prediction to the next, because making it takes
        longer than a short prediction.
    near_cache_bytes : int
        Size of weights that stay in the nearest cache, where deferring updates gains nothing.
    max_density_to_defer : float
        Fraction of non-zeros in X above which it is as fast to step with momentum at once.
    max_pending_deltas, max_pending_bytes : int
        Deltas of pending updates: more would save little, and leave the near caches.
    min_examples_per_ring : int
        Examples with a given input that come while the ring of pending steps with momentum goes
        round.
    max_pending_steps : int
        Pending steps with momentum: each new step updates the maps of all.
    """

    work_per_call: int = 20_000_000
    work_per_batch_call: int = 200_000_000
    work_per_unit: int = 16
    work_per_example: int = 256
    long_step: int = 1_000_000_000
    work_per_backup: int = 100
    backups_per_checkpoint: int = 40

    max_feature_major_parameters: float = 4000
    feature_major_parameters_per_example: float = 150
    max_columns: int = 144
    min_density_for_gemm: float = 0.33
    max_rows: int = 256
    max_sparse_rows: int = 1024
    min_rows_per_thread: int = 8
    min_examples_per_input: float = 3
    max_listed: int = 1 << 21
    rows_per_prediction: int = 512
    max_idle_bytes: int = 1 << 20

    near_cache_bytes: float = 32 * 1024
    max_density_to_defer: float = 0.5
    max_pending_deltas: int = 64
    max_pending_bytes: int = 256 * 1024
    min_examples_per_ring: int = 8
    max_pending_steps: int = 512
