"""An article of content as the HTML that is sent: its links and pictures turned into addresses of one target. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.markup.reading.addresses import to_root
from kbsync.markup.reading.references import references
from kbsync.markup.splicing.update import splice_html
from kbsync.markup.to_html import to_html
from kbsync.model import Article, kind_of
from kbsync.versions import to_the_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What is sent, and for each path from the root that the article names what it was turned into.

    `notes` tell what of the live body was not kept although its writer did not touch it; nothing of it was kept, nor
    meant to be, where it is `whole`.
    """

    html: str
    addresses: Mapping[str, str]
    notes: tuple[str, ...] = ()
    whole: bool = True


def render(
    article: Article,
    anchors: Collection[str],
    addresses: TargetAddresses,
    ids: Mapping[str, int],
    *,
    keep_unknown: bool = False,
) -> Rendered:
    """Render an article; what has no address yet leads to the portal's home, and is noted as such.

    With `keep_unknown` it stays as it is written, for people to look at.
    """
    sent: dict[str, str] = {}

    def resolve(written: str) -> str:
        target = _rooted(article, written)
        if target is None:
            return written
        address = addresses.sent(target, ids)
        if address is None and keep_unknown:
            return written
        sent[target] = address or addresses.home()
        return sent[target]

    html = to_html(article.body, resolve=resolve, anchors=anchors, options=addresses.options)
    return Rendered(html=html, addresses=sent)


def render_into(
    live: Article, article: Article, anchors: Collection[str], addresses: TargetAddresses, ids: Mapping[str, int]
) -> Rendered:
    """Render an article into its live body, of which every block that says the same stays byte for byte."""
    rendered = render(article, anchors, addresses, ids)
    path = article.path or ""
    relative = to_the_file(path, addresses, {(kind_of(known), number): known for known, number in ids.items()})

    def settle(address: str) -> str:
        target = _rooted(article, written := relative(address))
        return written if target is None else addresses.sent(target, ids) or addresses.home()

    spliced = splice_html(live.body, rendered.html, settle=settle)
    notes = tuple(f"rendered anew, more than what changed: {piece}" for piece in spliced.rendered)
    return Rendered(html=spliced.html, addresses=rendered.addresses, notes=notes, whole=False)


def addresses_now(article: Article, addresses: TargetAddresses, ids: Mapping[str, int]) -> dict[str, str]:
    """Give what each path that an article names would be sent as now, without rendering it."""
    targets = {_rooted(article, reference.target) for reference in references(article.body)} - {None}
    return {target: addresses.sent(target, ids) or addresses.home() for target in sorted(filter(None, targets))}


def _rooted(article: Article, written: str) -> str | None:
    try:
        return to_root(article.path or "", written)
    except ValueError:
        return None
