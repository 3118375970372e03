"""XML from strangers: bytes to clean text, text to a tree, hostile documents refused. Pure.

Peers declare UTF-8 and send GBK, and leave control characters in citizens' texts; both are put
right here. Document types are never read, so neither entities nor outside files can be.
"""

import re
from dataclasses import dataclass

from lxml import etree

XINCLUDE = "http://www.w3.org/2001/XInclude"
_MEGABYTE = 1 << 20
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_DECLARATION = re.compile(r"\A\s*<\?xml\b[^>]{0,400}?\?>")
# GB 18030 holds all of GBK and GB 2312; what is not here is refused, as UTF-7 once fooled filters
_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
# what XML 1.0 (section 2.2) allows in no form, not even as a reference
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LAST_CODE_POINT = 0x10FFFF
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,8})|([0-9]{1,10}));")


class ForeignXmlRefused(ValueError):
    """Not XML, or XML that is made to harm. `too_large` when only its size is against it."""

    def __init__(self, why: str, *, too_large: bool = False) -> None:
        super().__init__(why)
        self.too_large = too_large


@dataclass(frozen=True)
class XmlLimits:
    """most_bytes: of the document as it came; most_tags: of `<` signs; most_depth: of nesting."""

    most_bytes: int = 4 * _MEGABYTE
    most_tags: int = 100_000
    most_depth: int = 64


LIMITS = XmlLimits()


def xml_text(content: bytes, content_type: str = "") -> str:
    """The document as text, without declaration and without illegal characters.

    Tried in turn: byte order mark, the encoding the document or the HTTP header names, and if
    that does not hold, GB 18030 (a superset of GBK). Decoding is strict: nothing is replaced.
    Raises: ForeignXmlRefused for an encoding that is not in use here, or bytes that are in none.
    """
    return clean_text(_decoded(content, content_type))


def clean_text(text: str) -> str:
    """`text` without XML declaration and without the characters that XML cannot hold."""
    without = _DECLARATION.sub("", text.lstrip("\ufeff"), count=1)
    return _REFERENCE.sub(_legal_reference, legal_characters(without))


def legal_characters(text: str) -> str:
    """`text` without the characters that XML cannot hold; needed of all that goes out, too."""
    return _ILLEGAL.sub("", text)


def parse_text(text: str, limits: XmlLimits = LIMITS) -> etree._Element:
    """The root element of clean `text`; comments and processing instructions are left out.

    Raises: ForeignXmlRefused.
    """
    if text.count("<") > limits.most_tags:
        raise ForeignXmlRefused(f"more than {limits.most_tags} tags", too_large=True)
    if _has_doctype(text):
        raise ForeignXmlRefused("a document type is not allowed")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ForeignXmlRefused(f"not well-formed: {error}") from error
    _check_shape(root, limits)
    return root


def parse_xml(content: bytes, content_type: str = "", limits: XmlLimits = LIMITS) -> etree._Element:
    """Bytes to tree, with everything that this module checks. Raises: ForeignXmlRefused."""
    if len(content) > limits.most_bytes:
        raise ForeignXmlRefused(f"larger than {limits.most_bytes} bytes", too_large=True)
    return parse_text(xml_text(content, content_type), limits)


def embedded_xml(element: etree._Element) -> str:
    """The XML that travels inside `element`: as escaped text, as CDATA, or as a child element."""
    children = list(element)
    if len(children) > 1:
        raise ForeignXmlRefused(f"{len(children)} documents inside {local_name(element)}")
    if children:
        return etree.tostring(children[0], encoding="unicode", with_tail=False)
    return clean_text(element.text or "")


def local_name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _decoded(content: bytes, content_type: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _strictly(content, ["utf-16"])
    if content.startswith(b"\xef\xbb\xbf"):
        return _strictly(content, ["utf-8-sig"])
    declared = _DECLARED.search(content[:400])
    charset = _CHARSET.search(content_type)
    named = declared[1].decode("ascii") if declared else charset[1] if charset else "utf-8"
    codec = _CODECS.get(named.lower())
    if codec is None:
        raise ForeignXmlRefused(f"encoding {named!r} is not accepted")
    if codec.startswith("utf-16"):
        # the declaration was readable as ASCII, so the document cannot be UTF-16
        codec = "utf-8"
    return _strictly(content, dict.fromkeys([codec, "utf-8", "gb18030"]))


def _strictly(content: bytes, codecs: "list[str] | dict[str, None]") -> str:
    for codec in codecs:
        try:
            return content.decode(codec)
        except UnicodeDecodeError:
            continue
    raise ForeignXmlRefused(f"bytes are not {' or '.join(codecs)}")


def _legal_reference(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else int(found[2])
    legal = code <= _LAST_CODE_POINT and not _ILLEGAL.match(chr(code))
    return found[0] if legal else ""


def _has_doctype(text: str) -> bool:
    """Whether a document type stands before the root element, the only place where one can."""
    at = 0
    while True:
        while at < len(text) and text[at] in " \t\r\n":
            at += 1
        if text.startswith("<?", at):
            end = text.find("?>", at)
        elif text.startswith("<!--", at):
            end = text.find("-->", at)
        else:
            return text[at : at + 9].upper() == "<!DOCTYPE"
        if end < 0:
            return False
        at = end + 2 + (text[end] == "-")


def _check_shape(root: etree._Element, limits: XmlLimits) -> None:
    level: list[etree._Element] = [root]
    depth = 0
    while level:
        depth += 1
        if depth > limits.most_depth:
            raise ForeignXmlRefused(f"nested deeper than {limits.most_depth}")
        for element in level:
            if not isinstance(element.tag, str):
                raise ForeignXmlRefused("an entity reference is not allowed")
            if element.tag.startswith(f"{{{XINCLUDE}}}"):
                raise ForeignXmlRefused("XInclude is not allowed")
        level = [child for element in level for child in element]
