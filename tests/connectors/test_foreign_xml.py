"""XML from strangers: encodings, illegal characters, hostile documents."""

import pytest
from hypothesis import given, strategies
from lxml import etree

from connectors.foreign_xml import (
    ForeignXmlRefused,
    XmlLimits,
    embedded_xml,
    legal_characters,
    parse_text,
    parse_xml,
    xml_text,
)

WORD = "<a>苏州诉求：漏水</a>"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (WORD.encode(), ""),
        (WORD.encode("utf-8-sig"), ""),
        (WORD.encode("utf-16"), ""),
        (WORD.encode("gbk"), ""),
        (WORD.encode("gbk"), "text/xml; charset=gbk"),
        (WORD.encode("gbk"), "text/xml; charset=utf-8"),
        (WORD.encode(), "text/xml; charset=GB2312"),
        (b'<?xml version="1.0" encoding="UTF-8"?>' + WORD.encode("gbk"), "text/xml"),
        (b'<?xml version="1.0" encoding="gb2312"?>' + WORD.encode("gb18030"), ""),
        (b"<?xml version='1.0' encoding='UTF-16'?>" + WORD.encode(), ""),
        (b'\n<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n' + WORD.encode(), ""),
    ],
)
def test_whatever_the_declared_encoding_the_words_are_read(
    content: bytes, content_type: str
) -> None:
    assert parse_xml(content, content_type).text == "苏州诉求：漏水"


@pytest.mark.parametrize(
    "content",
    [
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<?xml version="1.0" encoding="ebcdic-cp-us"?><a/>',
        b"<a>\xff\xff</a>",
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf\xff",
    ],
)
def test_bytes_in_no_known_encoding_are_refused_not_replaced(content: bytes) -> None:
    with pytest.raises(ForeignXmlRefused):
        parse_xml(content)


def test_characters_that_xml_does_not_allow_are_left_out() -> None:
    content = b"<a>\x00b&#0;c&#x1F;d\x0be&#xD800;f&#x110000;g&#x41;&#10;\xef\xbf\xbf</a>"
    assert parse_xml(content).text == "bcdefgA\n"


@given(strategies.text())
def test_any_text_can_travel_after_cleaning(text: str) -> None:
    root = etree.Element("a")
    root.text = legal_characters(text)
    sent = etree.tostring(root, encoding="utf-8")
    assert (parse_xml(sent).text or "") == legal_characters(text).replace("\r\n", "\r\n")


@given(strategies.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        parse_xml(b"<a>" + content + b"</a>")
    except ForeignXmlRefused as refusal:
        assert str(refusal)  # noqa: PT017  refused or read: nothing else may be raised


BILLION = "<!DOCTYPE a [<!ENTITY b 'x'>" + "".join(
    f"<!ENTITY b{n} '&b{n - 1 if n else ''};&b{n - 1 if n else ''};'>" for n in range(3)
)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>',
        "<!-- before --><?pi before?>\n<!doctype a><a/>",
        BILLION + "]><a>&b2;</a>",
        "<a>&b;</a>",
        '<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file:///etc/hostname"/></a>',
        "<a>" * 65 + "</a>" * 65,
        "<a>" * 5000 + "</a>" * 5000,
        "<a",
        "<!-- never closed",
        "<?pi never closed",
        "<a/><b/>",
        "<a x='1' x='2'/>",
        "",
        "   ",
    ],
    ids=lambda text: text[:24],
)
def test_hostile_and_broken_documents_are_refused(text: str) -> None:
    with pytest.raises(ForeignXmlRefused):
        parse_xml(text.encode())


def test_a_document_type_inside_a_citizens_text_is_only_text() -> None:
    assert parse_text("<a><![CDATA[<!DOCTYPE html>]]></a>").text == "<!DOCTYPE html>"


@pytest.mark.parametrize(
    "limits", [XmlLimits(most_bytes=10), XmlLimits(most_tags=3)], ids=["bytes", "tags"]
)
def test_too_much_is_refused_before_it_is_parsed(limits: XmlLimits) -> None:
    with pytest.raises(ForeignXmlRefused) as refusal:
        parse_xml(b"<a><b/><b/><b/></a>", limits=limits)
    assert refusal.value.too_large


def test_two_documents_in_one_string_are_refused() -> None:
    with pytest.raises(ForeignXmlRefused):
        embedded_xml(parse_text("<a><b/><c/></a>"))


def test_a_declaration_in_the_embedded_document_does_not_matter() -> None:
    inner = "&lt;?xml version='1.0' encoding='GBK'?&gt;&lt;b/&gt;"
    assert embedded_xml(parse_text(f"<a>{inner}</a>")) == "<b/>"
    assert xml_text(b"<?xml version='1.0'?><b/>") == "<b/>"
