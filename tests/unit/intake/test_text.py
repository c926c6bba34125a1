import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.errors import ConfigError, InputError
from bulksend.intake.place import Place
from bulksend.intake.text import TextBlocks

CSV = "phone;name\r\n+14255550100;José\r\n+8613800138000;电话 😀\r\n"
WESTERN = "phone;name\r\n+34911234567;José Peña\r\n+4930123456;Jürgen “Jogi” Groß: 5 €\r\n"


def pieces(data: bytes, size: int) -> list[bytes]:
    """Cut data as reads from a pipe may."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def read(data: bytes, encoding: str = "", size: int = 65_536) -> tuple[str, str]:
    """Return the text and what its encoding was found to be."""
    text = TextBlocks(pieces(data, size), Place("list.csv"), encoding)
    return "".join(text), text.encoding


@pytest.mark.parametrize(
    ("data", "label"),
    [
        (CSV.encode(), "UTF-8"),
        (CSV.encode("utf-8-sig"), "UTF-8 with BOM"),
        (CSV.encode("utf-16-le"), "UTF-16LE"),
        (CSV.encode("utf-16-be"), "UTF-16BE"),
        (codecs.BOM_UTF16_LE + CSV.encode("utf-16-le"), "UTF-16LE"),
        (codecs.BOM_UTF16_BE + CSV.encode("utf-16-be"), "UTF-16BE"),
        (codecs.BOM_UTF16_LE + "电话".encode("utf-16-le"), "UTF-16LE"),
        ("电话;名字\n+8613800138000;王\n".encode("utf-16-le"), "UTF-16LE"),
        ("电话;名字\n+8613800138000;王\n".encode("utf-16-be"), "UTF-16BE"),
        (WESTERN.encode("cp1252"), "cp1252"),
        (b"phone\n+14255550100\n", "UTF-8"),
        (b"phone,name\n+1,A\0\n", "UTF-8"),
        (("phone,name\n" + "+1,A\0\n" * 900 + "é").encode(), "UTF-8"),
        (b"", "UTF-8"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 65_536])
def test_the_encoding_is_found(data: bytes, label: str, size: int) -> None:
    """Marks, zeros and the bytes that are not ASCII tell the encoding, however small the reads are."""
    codec = {"UTF-8": "utf-8", "UTF-8 with BOM": "utf-8-sig", "UTF-16LE": "utf-16-le", "UTF-16BE": "utf-16-be"}
    expected = data.decode(codec.get(label, label)).removeprefix("\ufeff")

    assert (expected, label) == read(data, size=size)


def test_an_encoding_is_called_utf8_until_it_shows() -> None:
    """Where ASCII goes on for long, the encoding is known when the first other byte comes, and then said."""
    start = b"phone,name\n" + b"+14255550100,Ann\n" * 10_000
    text = TextBlocks(pieces(start + WESTERN.encode("cp1252"), 65_536), Place("list.csv"))
    blocks = iter(text)

    assert (len(next(blocks)), text.encoding) == (65_536, "UTF-8")
    assert "".join(blocks).endswith(WESTERN)
    assert text.encoding == "cp1252"


def test_the_encoding_is_known_with_the_first_block_where_that_tells() -> None:
    """A byte that is not ASCII in the first block decides before any text is handed out."""
    text = TextBlocks(pieces(WESTERN.encode("cp1252"), 16), Place("list.csv"))
    next(iter(text))

    assert text.encoding == "cp1252"


@pytest.mark.parametrize("width", [65_533, 65_534, 65_535, 65_536, 65_537])
def test_a_character_over_the_edge_of_the_window_is_no_damage(width: int) -> None:
    """The bytes that decide may end in the middle of a character."""
    text = "é" + "x" * (width - 2) + "😀" + "y" * 100_000

    assert read(text.encode()) == (text, "UTF-8")


@pytest.mark.parametrize(
    ("data", "encoding", "label"),
    [
        (WESTERN.encode("cp1252"), "Windows-1252", "cp1252"),
        ("Łódź".encode("cp1250"), "cp1250", "cp1250"),
        (CSV.encode(), "utf8", "UTF-8"),
        (CSV.encode("utf-8-sig"), "UTF-8", "UTF-8 with BOM"),
        (CSV.encode("utf-8-sig"), "utf-8-sig", "UTF-8 with BOM"),
        (CSV.encode(), "utf-8-sig", "UTF-8"),
        (CSV.encode("utf-16"), "utf-16", "UTF-16LE"),
        (codecs.BOM_UTF16_BE + CSV.encode("utf-16-be"), "utf-16", "UTF-16BE"),
        ("电".encode("utf-16-le"), "utf-16", "UTF-16LE"),
        (CSV.encode("utf-32"), "utf-32", "utf-32-le"),
        ("电话".encode("gb18030"), "gb18030", "gb18030"),
    ],
)
def test_the_user_may_name_the_encoding(data: bytes, encoding: str, label: str) -> None:
    """A setting overrides the search; a byte order mark that agrees with it is taken off."""
    text, found = read(data, encoding, size=5)

    assert found == label
    assert text == data.decode(encoding).removeprefix("\ufeff")


@pytest.mark.parametrize("encoding", ["nonsense", "hex", "rot13", "utf-7", "unicode_escape", "undefined", "\0"])
def test_a_setting_that_is_no_text_encoding_is_refused(encoding: str) -> None:
    """The error names the key, on one line."""
    with pytest.raises(ConfigError, match=r"^recipients\.encoding: ") as caught:
        TextBlocks([], Place("list.csv"), encoding)

    assert str(caught.value).isprintable()


def test_a_mark_that_contradicts_the_setting_is_an_error() -> None:
    """cp1252 would read the mark of UTF-8 as letters; nobody means that."""
    with pytest.raises(InputError, match='encoding is "cp1252", but the file starts with the byte order mark of utf-8'):
        read(CSV.encode("utf-8-sig"), "cp1252")


@pytest.mark.parametrize("codec", ["utf-32", "utf-32-be"])
def test_utf32_is_named(codec: str) -> None:
    """UTF-32 is told from UTF-16, whose mark begins alike."""
    data = ("\ufeff" + CSV).encode(codec) if codec == "utf-32-be" else CSV.encode(codec)

    with pytest.raises(InputError, match="this is UTF-32"):
        read(data)


@pytest.mark.parametrize(
    ("data", "byte", "label"),
    [
        ("phone,name\n+1,José\n+2,".encode() + b"\xe9\n", "E9", "UTF-8"),
        (codecs.BOM_UTF8 + b"phone,name\n\xe9\n", "E9", "UTF-8 with BOM"),
        (b"phone,name\n+1,Jos\xe9\n+2,\x81\n", "81", "cp1252"),
        (codecs.BOM_UTF16_LE + "a\n".encode("utf-16-le") + b"\x00\xd8a\0", "00", "UTF-16LE"),
        (codecs.BOM_UTF16_LE + "a\n".encode("utf-16-le") + b"a", "61", "UTF-16LE"),
        ("phone,name\n+1,José\n".encode() + b"\xc3", "C3", "UTF-8"),
    ],
)
def test_a_byte_that_does_not_fit_is_an_error_after_the_text_before_it(data: bytes, byte: str, label: str) -> None:
    """Nothing is replaced: what comes before the byte is handed on, then reading ends with what to do."""
    blocks = iter(TextBlocks([data], Place("list.csv")))
    got = next(blocks)

    with pytest.raises(InputError, match=f"the byte 0x{byte} does not fit {label}. ") as caught:
        got += "".join(blocks)

    assert got.endswith("\n") or got[-1] == ","
    assert "recipients.encoding" in caught.value.hint


def test_damaged_utf8_is_not_taken_for_cp1252() -> None:
    """One bad byte among many good characters is damage; to guess cp1252 would garble all of them."""
    data = "José, Zoë, Łukasz, 王\n".encode() * 50 + b"\xff\n" + "Zoë\n".encode() * 50

    with pytest.raises(InputError, match="0xFF does not fit UTF-8"):
        read(data)


def test_cp1252_with_a_pair_that_is_utf8_by_chance_is_cp1252() -> None:
    """A capital E acute before a curly apostrophe is UTF-8 by chance; the other bytes outvote it."""
    data = "name\nCAFÉ\u2019S\nJosé\nZoë\nPeña\nGroß\nMüller\nÅsa\nBjörn\nNoël\nChloé\n".encode("cp1252")

    assert read(data)[1] == "cp1252"


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "iso8859-7", "gbk"])
def test_other_scripts_are_not_taken_for_cp1252(codec: str) -> None:
    """Words of nothing but bytes that are not ASCII are another script: better to ask than to send garbage."""
    names = {"iso8859-7": "Γιώργος Παπαδόπουλος", "gbk": "王小明 电话 名字"}.get(codec, "Владимир Иванов")
    data = b"phone,name\n" + f"+1,{names}\n".encode(codec) * 20

    with pytest.raises(InputError, match=r"does not look like cp1252|does not fit UTF-8"):
        read(data)


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.integers(1, 30),
)
def test_any_text_comes_back_whole(text: str, codec: str, size: int) -> None:
    """Wherever reads end, every character comes back."""
    assert read(f"a{text}".encode(codec), size=size)[0] == f"a{text}"
