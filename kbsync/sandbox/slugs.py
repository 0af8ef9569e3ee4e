"""The readable half of an article's public address."""

import re


def path_of(id_: int, title: str) -> str:
    """Give `<id>-<slug>`: the title in lower case, with hyphens for all but letters and digits (recorded)."""
    slug = re.sub(r"[^\w]+", "-", title.lower())
    return f"{id_}-{slug}"
