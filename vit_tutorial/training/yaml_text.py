"""YAML as recipes use it: numbers are decimal, and no field is there twice."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_INT = re.compile(r"[-+]?[0-9][0-9_]*$")
_FLOAT = re.compile(
    r"(?:[-+]?(?:[.][0-9]+|[0-9]+[.][0-9]*)(?:[eE][-+][0-9]+)?|[-+]?[.](?:inf|Inf|INF)|[.](?:nan|NaN|NAN))$"
)


def read_yaml(text: str) -> Any:
    """The values of a YAML text.

    PyYAML reads 010 as octal, 1:30 as ninety and 0x10 as sixteen, and of a field that is there twice the second value. Here 010 is ten, the
    others are text, which no number can be, and a field twice is an error.

    Raises:
        yaml.YAMLError: the text is no YAML, or has a field twice; its line is named.
    """
    try:
        return yaml.load(text, _Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise yaml.YAMLError(f"{line}{' '.join(filter(None, (error.context, error.problem)))}") from error


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in rules if tag not in _NUMBERS]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        return int(str(self.construct_scalar(node)).replace("_", ""), 10)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the field {key.value!r} is there twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(_NUMBERS[0], _INT, list("-+0123456789"))
_Loader.add_implicit_resolver(_NUMBERS[1], _FLOAT, list("-+0123456789."))
_Loader.add_constructor(_NUMBERS[0], _Loader.construct_yaml_int)
