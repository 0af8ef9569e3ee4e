"""What chromium computes for fragments of HTML: the style of each text, and the lines."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --dump-dom --virtual-time-budget=60000"
).split()
_PORTAL = ".fd-callout { white-space: pre-line }"  # as the portal's own style sheet shows call-outs
_SCRIPT = """
const found = snippets.map(snippet => {
  const box = document.createElement('div');
  box.innerHTML = snippet;
  document.body.append(box);
  const texts = [];
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!/[^ \\t\\n\\r\\f]/.test(node.data)) continue;
    const style = getComputedStyle(node.parentElement);
    const lines = new Set(), shifts = [];
    for (let one = node.parentElement; one !== box; one = one.parentElement) {
      const own = getComputedStyle(one);
      for (const line of own.textDecorationLine.split(' '))
        if (line !== 'none' && !(line === 'underline' && one.matches('a[href]'))) lines.add(line);
      if (own.display === 'inline' && /^(sub|super)$/.test(own.verticalAlign)) shifts.unshift(own.verticalAlign);
    }
    const link = node.parentElement.closest('a[href]');
    const start = style.direction === 'rtl' ? 'right' : 'left', end = style.direction === 'rtl' ? 'left' : 'right';
    let block = node.parentElement;
    while (block !== box && getComputedStyle(block).display === 'inline') block = block.parentElement;
    const align = getComputedStyle(block).textAlign.replace(/^-(webkit|internal)-/, '');
    texts.push({text: node.data, bold: +style.fontWeight >= 600, italic: style.fontStyle !== 'normal',
      lines: [...lines].sort(), shift: shifts, href: link ? link.getAttribute('href') : '',
      white_space: style.whiteSpace, rtl: style.direction === 'rtl',
      side: {start, end, justify: start, auto: start}[align] || align});
  }
  const items = [...box.querySelectorAll('li')].map(item => getComputedStyle(item).listStyleType);
  const result = {texts, items, lines: box.innerText.split(/[\\n\\t]/)};
  box.remove();
  return result;
});
document.body.textContent = JSON.stringify(found);
"""


def look_at(snippets: Sequence[str], place: Path) -> list[dict[str, Any]]:
    """Show the snippets to chromium, and return for each its texts with their styles, its bullets and its lines."""
    page = place / "page.html"
    listed = json.dumps(snippets).replace("</", "<\\/")
    script = f"const snippets = {listed};{_SCRIPT}"
    page.write_text(f'<!doctype html><meta charset="utf-8"><style>{_PORTAL}</style><body><script>{script}</script>')
    command = [CHROMIUM, *_FLAGS, f"--user-data-dir={place / 'profile'}", page.as_uri()]
    shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300, check=True).stdout
    body = re.search(r"<body>(.*)</body>", shown.decode(), re.DOTALL)
    found: list[dict[str, Any]] = json.loads(html.unescape(body[1] if body else ""))
    return found
