"""What in an article's HTML differs from one answer of the portal to the next, although nobody edited anything.

It gives a text to compare by, never one to store, show or send.
"""

import re

# An address ends at a space, a quote, a bracket; in `style="… url(&quot;…&quot;)"` the quote is a character reference.
_INSIDE = r"(?!&(?:quot|apos|lt|gt|#0*3[49]|#x0*2[27]);)[^\s\"'<>#()"
_ATTACHMENT = re.compile(rf"(/helpdesk/attachments/(?:{_INSIDE}?]){{0,1000}})\?(?:{_INSIDE}])*", re.IGNORECASE)
_TOKEN = re.compile(r"(/inline/attachment\?token=)[\w-]+\.([\w-]+)\.[\w-]*+(?!\.)")


def stable_body(html: str) -> str:
    """Leave out what the portal makes anew for each answer, and not one character else.

    That is the query string of uploaded attachments (a time stamp or a signature), and of the token in an inline
    attachment's address all but the payload, which names the attachment (both recorded in public articles).
    """
    return _TOKEN.sub(r"\1\2", _ATTACHMENT.sub(r"\1", html))
