"""What an optimizer will do with each variable, said before the first step."""

import json
import textwrap

from keras_mae.weights.rows import named_variables

from .workdir import write_atomically

RULES = "rules.json"


def audit_rules(model, rules, workdir):
    """Prints and saves the learning-rate scale and weight decay of every variable.

    Args:
        model: The model that is trained.
        rules: Dictionary of names and `VariableRule`s, as the optimizer follows them.
        workdir: `Path` of the run; the table goes to `rules.json`.
    """
    frozen = [name for name in named_variables(model) if name not in rules]
    table = {name: rule._asdict() for name, rule in rules.items()}
    text = json.dumps({"trained": table, "frozen": frozen}, indent=2)
    write_atomically(workdir / RULES, text + "\n")
    groups = {}
    for name, rule in rules.items():
        groups.setdefault(rule, []).append(name)
    print("learning-rate scale and weight decay of each variable:")
    for (scale, decay), names in sorted(groups.items()):
        _print_names(f"{scale:10.6f} {decay:8.4f}", names)
    if frozen:
        _print_names(f"{'frozen':>19}", frozen)


def _print_names(heading, names):
    indent = " " * (len(heading) + 4)
    print(
        textwrap.fill(
            ", ".join(names),
            100,
            initial_indent=f"  {heading}  ",
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
    )
