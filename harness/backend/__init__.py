"""What Keras lacks, once for each backend; everything else in the project is `keras.ops`.

The module of the running backend gives:

``jit(function)``
    Compile a function of nested structures of tensors.
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
``apply_keras_optimizer(optimizer, variables, buffers, gradients, parameters)``
    One update of a `keras.optimizers` optimiser as a pure function.
``use_device(name)``, ``device_name()``, ``peak_memory_bytes()``, ``version()``
    Devices.
"""

import keras

if keras.config.backend() == "tensorflow":
    from harness.backend.tensorflow import (
        apply_keras_optimizer,
        derivatives,
        device_name,
        directional_derivatives,
        gradient,
        jit,
        parameter_gradient,
        peak_memory_bytes,
        per_sample_jacobian,
        static_value,
        use_device,
        version,
    )
elif keras.config.backend() == "jax":
    from harness.backend.jax import (  # noqa: F401
        apply_keras_optimizer,
        derivatives,
        device_name,
        directional_derivatives,
        gradient,
        jit,
        parameter_gradient,
        peak_memory_bytes,
        per_sample_jacobian,
        static_value,
        use_device,
        version,
    )
else:
    from zoo.errors import ZooError

    raise ZooError(f"KERAS_BACKEND={keras.config.backend()}: expected tensorflow or jax")
