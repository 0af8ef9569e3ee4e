"""What a tree may choose about its Markdown: a value that goes with every text, and knows nothing of config files."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkupOptions:
    """The choices of one tree.

    `highlight` colours code whose language is named; `linkify` makes links of bare addresses as GitHub does;
    `typographer` writes curly quotes, dashes and the like; `contents` is the title over a list of contents.
    """

    highlight: bool = True
    linkify: bool = False
    typographer: bool = False
    contents: str = "TABLE OF CONTENTS"

    @property
    def plain(self) -> "MarkupOptions":
        """The same choices without colours, which say nothing of their own: for all that is only compared."""
        return replace(self, highlight=False) if self.highlight else self


PLAIN = MarkupOptions(highlight=False)
