"""The routing table as a gateway holds it in memory, and what names of versions mean by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from taxiway.errors import did_you_mean
from taxiway.registry.routes.placed import Placed
from taxiway.registry.routes.route import STABLE, Arm, Route
from taxiway.serving.requests.refusal import Code, Refusal
from taxiway.serving.routing.choose import Choice, choose, chosen
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

    def choice(
        self, model: str, version: str = "", label: str = "", key: str = "", request_id: str = ""
    ) -> Choice:
        """The arm, or the version, that a request is for.

        Args:
          model: name.
          version: number of TensorFlow Serving's layout, or name of the registry; empty for none.
          label: `stable` or an alias; empty for none.
          key: see `choose`.
          request_id: see `choose`.

        Raises:
          Refusal: NOT_FOUND, with what there is.
        """
        route = self.routes.get(model)
        if route is None:
            raise self._unknown_model(model)
        if version:
            return self._named(route, self._version(model, version))
        if label == STABLE:
            return chosen(route.stable)
        if label:
            return self._named(route, self._labelled(model, label))
        return choose(route, key, request_id)

    def labels(self, model: str) -> dict[str, tuple[str, ...]]:
        """By version of a model, the labels that clients may call it by."""
        found: dict[str, list[str]] = {}
        if model in self.routes:
            found[self.routes[model].stable.version] = [STABLE]
        for alias, version in sorted(self.aliases.get(model, {}).items()):
            if alias != STABLE:
                found.setdefault(version, []).append(alias)
        return {version: tuple(names) for version, names in found.items()}

    def _named(self, route: Route, version: str) -> Choice:
        """A version that the client has named: certain, whether it has traffic or not."""
        for arm in route.arms:
            if arm.version == version:
                return chosen(arm)
        for one in self.placed.get(route.model, ()):
            if one.version == version:
                return Choice(version, version, one.number, one.place, 1.0)
        raise Refusal(
            Code.NOT_FOUND, f"{route.model}/{one_line(version)} was never deployed to this gateway"
        )

    def _version(self, model: str, text: str) -> str:
        """The version of a number, or of a name."""
        known: list[Arm | Placed] = [*self.routes[model].arms, *self.placed.get(model, ())]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
        for matches in (
            (one.version for one in known if number and one.number == number),
            (one.version for one in known if one.version == text),
        ):
            found = next(matches, "")
            if found:
                return found
        names = dict.fromkeys(one.version for one in known)
        raise Refusal(
            Code.NOT_FOUND,
            f"{model} has no version '{one_line(text[:80])}' here{did_you_mean(text[:80], names)} "
            f"(it has: {_listed(list(names))})",
        )

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
