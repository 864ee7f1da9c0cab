"""What backflow buys on six electrons in a trap, from Python: python examples/quantum_dot_ladder.py"""

from harness.start import prepare

prepare(backend="tensorflow", precision="float64")  # before Keras is imported

import zoo  # noqa: E402
from harness import VMC  # noqa: E402

system = zoo.create_system("quantum_dot_n6")
reference = system.references().best
print(f"reference {reference.energy} ({reference.kind})")
for name in ("slater_jastrow", "slater_jastrow_backflow"):
    vmc = VMC(zoo.create_model(name, system), seed=0).compile(optimizer="spring", walkers=512)
    vmc.fit(steps=100)
    print(f"{name:24} {vmc.evaluate(draws=100)}")
