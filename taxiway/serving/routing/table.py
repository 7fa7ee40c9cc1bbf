"""The routing table as a gateway holds it in memory, and what names of versions mean by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import did_you_mean
from taxiway.registry.routes.placed import Placed
from taxiway.registry.routes.route import STABLE, Arm, Route
from taxiway.serving.requests.ask import NAMED, OVERRIDE
from taxiway.serving.routing.choose import Choice, Split
from taxiway.terminal import one_line


@dataclass(frozen=True)
class RoutingTable:
    """Routes of all models that a gateway serves, of one state of the registry.

    Args:
      routes: by model; one of which nothing was deployed yet is not among them.
      placed: by model, where its versions were deployed to, the newest first.
      aliases: by model, the version that each of its aliases means.
    """

    routes: Mapping[str, Route]
    placed: Mapping[str, Sequence[Placed]] = field(default_factory=dict)
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def revisions(self) -> dict[str, int]:
        """By model."""
        return {model: route.revision for model, route in self.routes.items()}

    def split(self, model: str) -> Split:
        """How the traffic of a model is split that names no version.

        Raises:
          Refusal: NOT_FOUND, with the models that there are.
        """
        split = self._splits.get(model)
        if split is None:
            raise self._unknown_model(model)
        return split

    def named(self, model: str, version: str = "", label: str = "", policy: str = NAMED) -> Choice:
        """The version that a request names: certain, whether it has traffic or not.

        Args:
          model: name.
          version: number of TensorFlow Serving's layout, or name of the registry; empty for none.
          label: `stable` or an alias, where no version is named.
          policy: see `Choice`.

        Raises:
          Refusal: NOT_FOUND, with what there is.
        """
        split = self.split(model)
        if version:
            return self._certain(split, self._version(model, version), policy)
        if label == STABLE:
            return split.certain(split.route.stable, policy)
        return self._certain(split, self._labelled(model, label), policy)

    def overridden(self, model: str, name: str) -> Choice:
        """As `named`, where a header or cookie has a version's name or number, or a label."""
        split = self.split(model)
        labels = [STABLE, *sorted(self.aliases.get(model, {}))]
        if name in labels:
            return self.named(model, label=name, policy=OVERRIDE)
        version = self._found(model, name)
        if version:
            return self._certain(split, version, OVERRIDE)
        names = [*self._versions(model), *labels]
        raise Refusal(
            Code.NOT_FOUND,
            f"{model} has no version and no label '{one_line(name[:80])}', which the request's "
            f"header or cookie names{did_you_mean(name[:80], names)} (it has: {_listed(names)})",
        )

    def labels(self, model: str) -> dict[str, tuple[str, ...]]:
        """By version of a model, the labels that clients may call it by."""
        found: dict[str, list[str]] = {}
        if model in self.routes:
            found[self.routes[model].stable.version] = [STABLE]
        for alias, version in sorted(self.aliases.get(model, {}).items()):
            if alias != STABLE:
                found.setdefault(version, []).append(alias)
        return {version: tuple(names) for version, names in found.items()}

    @cached_property
    def _splits(self) -> dict[str, Split]:
        return {model: Split(route) for model, route in self.routes.items()}

    def _certain(self, split: Split, version: str, policy: str) -> Choice:
        for arm in split.route.arms:
            if arm.version == version:
                return split.certain(arm, policy)
        model = split.route.model
        for one in self.placed.get(model, ()):
            if one.version == version:
                arm = Arm(version, version, one.number, one.place, ())
                return split.certain(arm, policy)
        raise Refusal(
            Code.NOT_FOUND, f"{model}/{one_line(version)} was never deployed to this gateway"
        )

    def _version(self, model: str, text: str) -> str:
        """The version of a number, or of a name."""
        found = self._found(model, text)
        if found:
            return found
        names = self._versions(model)
        raise Refusal(
            Code.NOT_FOUND,
            f"{model} has no version '{one_line(text[:80])}' here{did_you_mean(text[:80], names)} "
            f"(it has: {_listed(names)})",
        )

    def _found(self, model: str, text: str) -> str:
        known = self._known(model)
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
        for matches in (
            (one.version for one in known if number and one.number == number),
            (one.version for one in known if one.version == text),
        ):
            found = next(matches, "")
            if found:
                return found
        return ""

    def _known(self, model: str) -> list[Arm | Placed]:
        return [*self.routes[model].arms, *self.placed.get(model, ())]

    def _versions(self, model: str) -> list[str]:
        return list(dict.fromkeys(one.version for one in self._known(model)))

    def _labelled(self, model: str, label: str) -> str:
        known = self.aliases.get(model, {})
        if label in known:
            return known[label]
        names = [STABLE, *sorted(known)]
        raise Refusal(
            Code.NOT_FOUND,
            f"{model} has no label '{one_line(label[:80])}'{did_you_mean(label[:80], names)} "
            f"(it has: {_listed(names)})",
        )

    def _unknown_model(self, model: str) -> Refusal:
        names = sorted(self.routes)
        return Refusal(
            Code.NOT_FOUND,
            f"no version of a model '{one_line(model[:80])}' is served here"
            f"{did_you_mean(model[:80], names)} (served: {_listed(names) or 'none'})",
        )


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join([*map(one_line, names[:most]), *["..."] * (len(names) > most)])
