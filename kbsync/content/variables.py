"""What `variables:` in front matter says: a name and a text for each, and which of two counts."""

import unicodedata
from collections.abc import Mapping

from kbsync.content.desk import Desk
from kbsync.content.values import Scalar, Table, Value
from kbsync.markup.reading.placeholders import is_name


def read_variables(desk: Desk, key: str, value: Value) -> Mapping[str, str] | None:
    """Read the map under a key; whatever is wrong is noted."""
    if not isinstance(value, Table):
        advice = "write `name: text` lines under it, indented"
        desk.note(value.place.line, f"`{key}` must be made of `name: text` lines", advice)
        return None
    found: dict[str, str] = {}
    for name, item in value.items.items():
        line = value.keys[name].line
        if not is_name(name):
            desk.note(line, f"`{name}` is no name for a variable", "use letters, digits, `_` and `-`")
        elif not isinstance(item, Scalar) or item.is_null:
            desk.note(line, f"the variable `{name}` has no text", 'write it in quotes, `""` for an empty one')
        elif "\n" in item.text.strip():
            what = f"the variable `{name}` runs over more than one line"
            desk.note(line, what, 'longer text belongs in a file of its own: `{% include "…" %}`')
        else:
            found[unicodedata.normalize("NFC", name)] = item.text.strip()
    return found


def merged(own: Mapping[str, str] | None, above: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Put two sets of variables together, name by name; the nearer one counts."""
    return above if own is None else own if above is None else {**above, **own}
