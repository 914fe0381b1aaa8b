"""How a row's epoch was chosen and what it was trained from, beside what the published code of its model did."""

from dataclasses import dataclass

from bench.storage.cell import Record

SIDE = 480  # pixels, in all four papers


@dataclass(frozen=True)
class RowProtocol:
    """What a row's stored configuration says.

    Attributes:
        select: Split that chose the epoch; empty: not known, or none was chosen because weights were given.
        metric: The score that chose it; empty: not known.
        said: Whose choice this is, for footnotes (`as the released code did`); empty: of no published code.
        precision: What the recipe says of it; empty: nothing.
        departures: What the row does otherwise than the published code of its model, in words.
    """

    select: str = ""
    metric: str = ""
    said: str = ""
    precision: str = ""
    departures: tuple[str, ...] = ()

    @property
    def choice(self) -> str:
        """How the epoch was chosen, as a sentence; empty where it is not known."""
        if not self.select:
            return ""
        said = ", ".join(filter(None, (chosen(self.select, self.metric), self.said)))
        warning = ": these test scores are optimistic" if self.select == "test" else ""
        return f"Epoch {said}{warning}."


def chosen(select: str, metric: str) -> str:
    """The choice of an epoch in words."""
    return f"chosen on {select}" + (f" by {metric}" if metric else "")


def row_protocol(config: Record, study: Record) -> RowProtocol:
    """The protocol of one cell.

    Args:
        config: As stored.
        study: The plan's record: its protocol is that of cells which do not say.
    """
    if config.get("weights"):
        return RowProtocol()
    model, recipe = config.get("model", {}), config.get("recipe", {})
    protocol = study.get("protocol", {}) | config.get("protocol", {})
    select, metric = (str(protocol.get(key) or "") for key in ("select", "metric"))
    published = model.get("published", {})
    said = str(published.get("said") or "")
    same = (select, metric) == (published.get("select"), published.get("metric"))
    return RowProtocol(
        select,
        metric,
        said if same else "",
        str(recipe.get("precision") or ""),
        tuple(_departures(model, recipe, protocol)),
    )


def _departures(model: Record, recipe: Record, protocol: Record) -> list[str]:
    published, found = model.get("published", {}), []
    if published.get("said"):  # else its choices are not known
        ours, theirs = (
            chosen(str(each.get("select")), str(each.get("metric"))) for each in (protocol, published)
        )
        if ours != theirs:
            found.append(f"epoch {ours}, not {theirs}")
        words = [each.get("decoupler") for each in (protocol, published)]
        if str(model.get("fusion")).startswith("fiam") and words[0] != words[1]:
            found.append(f"object and position words by decoupler={words[0]}, not {words[1]}")
    if protocol.get("size") == "native":
        found.append("scored at each image's own size, not resized")
    if (side := recipe.get("size")) and side != SIDE:
        found.append(f"input {side} px, not {SIDE}")
    parts = {name: model[name] for name in ("encoder", "text") if name in model}
    random = [name for name, part in parts.items() if not part.get("pretrained")]
    if random:
        found.append(f"{' and '.join(random)} from random weights, not pretrained")
    return found
