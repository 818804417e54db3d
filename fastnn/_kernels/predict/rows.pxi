"""Prediction of many examples, a batch at a time."""


def predict_in_batches(
    BatchWorkspace workspace,
    Examples examples,      # in order
    real[:, ::1] outputs,   # OUT (n_examples, n_outputs)
    Targets targets=None,
    const Py_ssize_t[::1] rows=None,  # IN  (n_examples,) rows of the targets
    Team team=None,         # of one thread, common to calls that all end when one is interrupted
    /,
) -> float:
    """Write the outputs; return the sum of the losses, 0 without targets."""
    cdef Team own = workspace.team
    cdef Py_ssize_t n_examples = outputs.shape[0], t, n
    cdef bint has_targets = targets is not None
    cdef double loss = 0
    if team is not None:
        workspace.team = team
    with nogil:
        workspace.begin_call()
        t = 0
        while t < n_examples and not fastnn_is_abandoned(&workspace.team.barrier):
            n = min(workspace.capacity, n_examples - t)
            workspace.load(&examples.rows, NULL, 0, t, n)
            workspace.forward(n)
            workspace.copy_outputs(&outputs[t, 0], n)
            if has_targets:
                loss += workspace.losses(&targets.wanted, &rows[t], n, 1)
                loss += workspace.shared_losses(n)
            t += n
        fastnn_restore_subnormals(workspace.control)
    workspace.team = own
    fastnn_raise()
    return loss
