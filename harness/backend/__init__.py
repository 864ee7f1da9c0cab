"""What Keras lacks, once for each backend; everything else in the project is `keras.ops`.

The module of the running backend gives:

``jit(function)``
    Compile a function of nested structures of tensors.
``fuse(function)``
    Fuse the many small operations of a part of a compiled function, without linear algebra and derivatives.
``gradient(function, x)``
    Gradient of a function ``(batch, ...) -> (batch,)`` that does not mix samples, shape of ``x``.
``derivatives(function, x)``
    Value, gradient and the diagonal of the Hessian of such a function.
``directional_derivatives(function, inputs, tangents)``
    Value, first and second derivative of a function of several tensors along given directions, sample by sample.
``static_value(tensor)``
    The NumPy value of a constant, or None.
``parameter_gradient(function, parameters)``
    Gradient of a scalar function of a list of tensors.
``per_sample_jacobian(function, parameters, x)``
    Gradient of each sample's value, flattened: ``(batch, n_parameters)``.
``dependence(function, parameters)``
    The list of tensors that a function of a list of tensors gives; for each whether it depends on each parameter; and
    ``pull_back(outputs, inputs, cotangents)``, which takes a vector ``(batch, ...)`` for each of the chosen outputs and
    gives their products with the Jacobian, sample by sample, ``(batch, ...)`` for each of the chosen parameters.
``tapped_gradients(function, parameters)``
    ``function(parameters, tap)`` gives values ``(batch,)`` and further tensors, and marks tensors with ``tap(x)``,
    which returns them. Gradients of the sum of the values with respect to the marked tensors, in their order; the
    further tensors; and whether the values depend on each parameter otherwise than through the marked tensors' values.
``ordered_sum(function, count, total)``
    ``total`` plus ``function(0) + ... + function(count - 1)``, one term after another, and after ``total`` is known, so
    that a single term is in memory.
``in_turn(function, pieces, results)``
    A function from a tensor to so many tensors of its type, applied to one piece ``pieces[i]`` after another; the
    results stacked.
``on_accelerator()``
    Whether computations run on a GPU or TPU.
``coordinates_at_once()``
    Walkers times coordinates for which a forward Laplacian is fastest: on a CPU its Jacobians stay in the caches, an
    accelerator wants more.
``cholesky(matrix)``
    The lower factor, with NaN where there is none; `keras.ops.cholesky` raises an error.
``apply_keras_optimizer(optimizer, variables, buffers, gradients, parameters)``
    One update of a `keras.optimizers` optimiser as a pure function.
``version()``
    Of the backend.

Devices, in `harness.backend.jax_devices` and `harness.backend.tensorflow_devices`:

``connect(coordinator, processes, process)``
    Make this process one of several that compute together; with the coordinator ``auto`` the scheduler says.
``use_devices(kind, count)``
    Choose ``auto``, ``cpu``, ``gpu`` or ``tpu``, and how many of this process; 0 takes all.
``over_devices(function)``
    As ``jit``, for a function in which ``share`` occurs.
``share(function, whole, split, joined)``
    In such a function: ``function(whole, *parts)`` on each device at the same time, of which ``whole`` is given
    everything, and of each ``(tensors, axis)`` in ``split`` its equal part along the axis of the walkers. Results are
    joined along the axis ``joined`` (one number, or one for each result of a tuple), and are whole again. One device
    calls the function as it is.
``device_count()``, ``device_name()``, ``peak_memory_bytes()``
    How many devices walkers are shared out to, those of all processes; the first one of this process.
``peak_memory_of(call)``, ``wait_for(tree)``
    What a call gives, and the most memory in bytes that it took beyond what was there, or None where that is not known;
    return once these tensors have their values.
``process_number()``, ``process_count()``, ``from_first_process(tree)``
    Which process this is, of how many; NumPy arrays as the first process has them, the same shapes in each.
"""

import keras

if keras.config.backend() == "tensorflow":
    from harness.backend.tensorflow import (
        apply_keras_optimizer,
        cholesky,
        coordinates_at_once,
        dependence,
        derivatives,
        directional_derivatives,
        fuse,
        gradient,
        in_turn,
        jit,
        on_accelerator,
        ordered_sum,
        parameter_gradient,
        per_sample_jacobian,
        static_value,
        tapped_gradients,
        version,
    )
    from harness.backend.tensorflow_devices import (
        connect,
        device_count,
        device_name,
        from_first_process,
        over_devices,
        peak_memory_bytes,
        peak_memory_of,
        process_count,
        process_number,
        share,
        use_devices,
        wait_for,
    )
elif keras.config.backend() == "jax":
    from harness.backend.jax import (  # noqa: F401
        apply_keras_optimizer,
        cholesky,
        coordinates_at_once,
        dependence,
        derivatives,
        directional_derivatives,
        fuse,
        gradient,
        in_turn,
        jit,
        on_accelerator,
        ordered_sum,
        parameter_gradient,
        per_sample_jacobian,
        static_value,
        tapped_gradients,
        version,
    )
    from harness.backend.jax_devices import (  # noqa: F401
        connect,
        device_count,
        device_name,
        from_first_process,
        over_devices,
        peak_memory_bytes,
        peak_memory_of,
        process_count,
        process_number,
        share,
        use_devices,
        wait_for,
    )
else:
    from zoo.errors import ZooError

    raise ZooError(f"KERAS_BACKEND={keras.config.backend()}: expected tensorflow or jax")
