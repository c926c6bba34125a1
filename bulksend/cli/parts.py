"""`bulksend parts`."""

import click

from bulksend.cli.options import examples, json_option
from bulksend.cli.output import print_json, print_text, standard_input, to_standard_output

EPILOG = examples(
    ("One text", 'bulksend parts "Hi Ann, your table is booked for 7"'),
    ("Why it is UCS-2", 'bulksend parts "Crème brûlée"'),
    ("Many, one JSON string a line", "bulksend parts --jsonl < texts.jsonl"),
)


@click.command(epilog=EPILOG)
@click.argument("text", required=False)
@click.option("--jsonl", is_flag=True, help="Read one JSON string a line, print one JSON object a line.")
@json_option
def parts(text: str | None, *, jsonl: bool, as_json: bool) -> int:
    """Count the parts of TEXT, as the service bills and meters them, and show what forces UCS-2.

    TEXT may be - for standard input.
    """
    from bulksend.message.gsm import non_gsm_characters
    from bulksend.message.parts import count_parts, too_long
    from bulksend.report.text_parts import parts_lines

    if jsonl:
        if text is not None:
            raise click.UsageError("--jsonl reads standard input: leave TEXT out")
        return _each_line()
    if text is None:
        raise click.UsageError("TEXT is missing; quote it, or use --jsonl to read from standard input")
    if text == "-":
        text = standard_input().read().decode(errors="surrogateescape").removesuffix("\n")
    count = count_parts(text)
    if as_json:
        forcing = [{"character": each.character, "count": each.count} for each in non_gsm_characters(text)]
        document = {"encoding": count.encoding.value, "parts": count.parts, "units": count.units}
        print_json(document | {"non_gsm": forcing, "too_long": too_long(count) is not None})
    else:
        print_text(parts_lines(text, count))
    return 0


def _each_line() -> int:
    import msgspec

    from bulksend.base.errors import InputError
    from bulksend.message.parts import count_parts

    encode = msgspec.json.Encoder().encode
    decode = msgspec.json.Decoder(str).decode
    with to_standard_output() as out:
        for number, line in enumerate(standard_input(), start=1):
            if not line.strip():
                continue
            try:
                count = count_parts(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                where = f"standard input, line {number}"
                raise InputError(f"{where}: not a JSON string ({error})", "Give one string a line") from None
            answer = {"encoding": count.encoding.value, "parts": count.parts, "units": count.units}
            out.write(encode(answer) + b"\n")
    return 0
