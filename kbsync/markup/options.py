"""The options of the Markdown dialect: a value that goes with every text, and knows nothing of config files.

Light: no parser, since the configuration is read with it.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkupOptions:
    """The options of one tree.

    `highlight` colours code whose language is named; `linkify` makes links of bare addresses as GitHub does;
    `typographer` writes curly quotes, dashes and the like; `contents` is the title over a list of contents;
    `keep_classes` are classes that a pull keeps although neither Freshdesk nor its editor knows them (`*`: all).
    """

    highlight: bool = True
    linkify: bool = False
    typographer: bool = False
    contents: str = "TABLE OF CONTENTS"
    keep_classes: tuple[str, ...] = ()

    @property
    def plain(self) -> "MarkupOptions":
        """The same options without colours: for rendering that is only compared."""
        return replace(self, highlight=False) if self.highlight else self


PLAIN = MarkupOptions(highlight=False)
