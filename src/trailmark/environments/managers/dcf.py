"""Read Debian control files, whose format R shares (PACKAGES, DESCRIPTION): pure."""

from collections.abc import Iterator


def read_paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Yield field → value of each paragraph; lines that are no field are passed over."""
    fields: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                fields[last] += "\n" + line.strip()
        elif not line.startswith("#"):
            name, separator, value = line.partition(":")
            last = name.strip() if separator else ""
            if last:
                fields[last] = value.strip()
    if fields:
        yield fields
