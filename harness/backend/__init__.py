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
``coordinates_at_once()``
    Walkers times coordinates for which a forward Laplacian is fastest: on a CPU its Jacobians stay in the caches, an
    accelerator wants more.
``cholesky(matrix)``
    The lower factor, with NaN where there is none; `keras.ops.cholesky` raises an error.
``apply_keras_optimizer(optimizer, variables, buffers, gradients, parameters)``
    One update of a `keras.optimizers` optimiser as a pure function.
``use_device(name)``, ``device_name()``, ``peak_memory_bytes()``, ``version()``
    Devices.
"""

import keras

if keras.config.backend() == "tensorflow":
    from harness.backend.tensorflow import (
        apply_keras_optimizer,
        cholesky,
        coordinates_at_once,
        dependence,
        derivatives,
        device_name,
        directional_derivatives,
        fuse,
        gradient,
        in_turn,
        jit,
        ordered_sum,
        parameter_gradient,
        peak_memory_bytes,
        per_sample_jacobian,
        static_value,
        tapped_gradients,
        use_device,
        version,
    )
elif keras.config.backend() == "jax":
    from harness.backend.jax import (  # noqa: F401
        apply_keras_optimizer,
        cholesky,
        coordinates_at_once,
        dependence,
        derivatives,
        device_name,
        directional_derivatives,
        fuse,
        gradient,
        in_turn,
        jit,
        ordered_sum,
        parameter_gradient,
        peak_memory_bytes,
        per_sample_jacobian,
        static_value,
        tapped_gradients,
        use_device,
        version,
    )
else:
    from zoo.errors import ZooError

    raise ZooError(f"KERAS_BACKEND={keras.config.backend()}: expected tensorflow or jax")
