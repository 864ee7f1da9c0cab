"""A model zoo of fermionic wavefunctions in Keras, the systems they describe and what is known about those.

>>> import zoo
>>> system = zoo.create_system("quantum_dot_n6", omega=0.5)
>>> model = zoo.create_model("slater_jastrow", system)

Importing this package imports neither Keras nor a backend; `create_model` does.
"""

from zoo.errors import UnknownNameError, ZooError
from zoo.registry import create_model, create_system, list_models, list_systems

__version__ = "0.2.0"

__all__ = ["UnknownNameError", "ZooError", "create_model", "create_system", "list_models", "list_systems"]
