"""What an explorer shows, as traits that are checked against its model, and the guided steps that drive it."""

from __future__ import annotations

from typing import Any

import traitlets as t

from vit_tutorial.widgets.models.page_model import gallery, kind_of, read_page_model

VIEWS = ("attention", "steps", "positions", "prediction")
SHOWS = ("query", "received", "rollout")
STATE = {  # field of the page's state (state.js): trait
    **{name: name for name in ("view", "image", "layer", "head", "query", "show", "step", "key", "temperature", "scale")},
    **{name: name for name in ("hide", "move", "positions", "guide")},
    "headsOff": "heads_off",
}  # fmt: skip
Step = dict[str, Any]


class ExplorerState(t.HasTraits):
    """What an explorer shows, checked against its model. Traits: see :class:`AttentionExplorer`."""

    model = t.Unicode("digits28").tag(sync=True)
    image = t.Unicode(None, allow_none=True).tag(sync=True)
    view = t.Enum(VIEWS, "attention").tag(sync=True)
    show = t.Enum(SHOWS, "query").tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    head = t.Union([t.Int(), t.Enum(("mean",))], default_value=0).tag(sync=True)
    query = t.Union([t.Int(), t.Enum(("class",))], default_value="class").tag(sync=True)
    step = t.Int(0, min=0, max=3).tag(sync=True)
    key = t.Union([t.Int(), t.Enum(("class", "auto"))], default_value="auto").tag(sync=True)
    temperature = t.Float(1.0, min=0.1, max=10.0).tag(sync=True)
    scale = t.Enum((0, 0.5, 1), 0.5).tag(sync=True)
    hide = t.List(t.Int()).tag(sync=True)
    move = t.List(t.Int(), default_value=None, allow_none=True).tag(sync=True)
    positions = t.Bool(True).tag(sync=True)
    heads_off = t.List(t.Unicode()).tag(sync=True)
    steps = t.List(t.Dict()).tag(sync=True)
    guide = t.Int(0).tag(sync=True)
    picture = t.Unicode("").tag(sync=True)

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = read_page_model(self.model)[0]["config"]
        return config

    def _patches(self) -> int:
        config = self._config()
        size = config["img_size"]
        height, width = (size, size) if isinstance(size, int) else size
        return int(height // config["patch_size"] * (width // config["patch_size"]))

    @t.validate("model")
    def _classifier(self, proposal: Any) -> Any:
        shown_by = {"segmenter": "scene_segmenter", "autoencoder": "patch_masker"}
        kind = kind_of(read_page_model(proposal["value"])[0])
        if kind in shown_by:
            raise t.TraitError(
                f"{proposal['value']} is a{'n' * (kind[0] == 'a')} {kind}; vit_tutorial.widgets.{shown_by[kind]} shows it"
            )
        return proposal["value"]

    @t.validate("layer", "head", "query", "key")
    def _within(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        config = self._config()
        count = {"layer": config["depth"], "head": config["num_heads"]}.get(name) or self._patches()
        words = {"layer": "", "head": ' or "mean"', "query": ' or "class"', "key": ', "class" or "auto"'}[name]
        if isinstance(value, int) and not 0 <= value < count:
            raise t.TraitError(f"{name} {value} is not in {self.model}; choose 0 to {count - 1}{words}")
        return value

    @t.validate("image")
    def _known_image(self, proposal: Any) -> Any:
        names = [entry["name"] for entry in gallery(self.model)]
        if proposal["value"] not in (None, "drawn", "photo", *names):
            raise t.TraitError(f"no picture {proposal['value']!r} for {self.model}; choose one of {', '.join(names)}")
        return proposal["value"]

    @t.validate("hide", "move")
    def _known_patches(self, proposal: Any) -> Any:
        name, value, n = proposal["trait"].name, proposal["value"], self._patches()
        if name == "move" and value is not None and sorted(value) != list(range(n)):
            raise t.TraitError(f"move has to name each of the {n} patches once: position i shows patch move[i]")
        if name == "hide" and not all(0 <= patch < n for patch in value):
            raise t.TraitError(f"hide names a patch that is not there; they are 0 to {n - 1}")
        return value

    @t.validate("heads_off")
    def _known_heads(self, proposal: Any) -> Any:
        config = self._config()
        known = {f"{layer}.{head}" for layer in range(config["depth"]) for head in range(config["num_heads"])}
        for name in proposal["value"]:
            if name not in known:
                raise t.TraitError(f"there is no head {name!r}; write layer.head, such as '0.2'")
        return proposal["value"]

    def state(self) -> dict[str, Any]:
        """What the figure shows, in the page's names; only what differs from the defaults."""
        defaults = {trait: self.traits()[trait].default() for trait in STATE.values()}
        return {
            field: getattr(self, trait) for field, trait in STATE.items() if getattr(self, trait) != defaults[trait]
        }


def start_state(model: str, steps: list[Step], state: dict[str, Any]) -> ExplorerState:
    """What a page's figure starts with, checked.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: a value that the model cannot show, or an unknown name.
    """
    check_names(state)
    try:
        return ExplorerState(model=model, steps=steps, **state)
    except t.TraitError as error:
        raise ValueError(str(error)) from error


def check_names(state: dict[str, Any]) -> None:
    unknown = [key for key in state if key not in STATE.values()]
    if unknown:
        raise ValueError(f"the explorer has no {unknown[0]!r}; it has {', '.join(STATE.values())}")


def check_steps(steps: list[Step]) -> None:
    """Raises ValueError where a guided step lacks what it needs; the message says which step and what."""
    for i, step in enumerate(steps):
        needed = {"question", "choices", "answer", "reveal"} if "question" in step else {"text"}
        missing, unknown = needed - set(step), set(step) - needed - {"state"}
        if missing or unknown:
            fault = f"lacks {', '.join(sorted(missing))}" if missing else f"has unknown {', '.join(sorted(unknown))}"
            raise ValueError(
                f"step {i} {fault}; a step has text (and state), or question, choices, answer, reveal (and state)"
            )
        if "question" in step and not 0 <= step["answer"] < len(step["choices"]):
            raise ValueError(
                f"step {i}: answer {step['answer']} is none of its {len(step['choices'])} choices, counted from 0"
            )
