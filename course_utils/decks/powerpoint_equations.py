"""Equations where pandoc leaves them half written: in tables, its XML names a space that it does not declare."""

import zipfile
from pathlib import Path

from pptx.oxml import parse_xml
from pptx.oxml.ns import qn

SPACE = "http://schemas.microsoft.com/office/drawing/2010/main"  # a14: PowerPoint 2010 and later
CHOICE = (
    '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
    f'<mc:Choice xmlns:a14="{SPACE}" Requires="a14"/></mc:AlternateContent>'
)


def declare_equations(file: Path) -> None:
    """Declare the space of equations in every page of a presentation that uses it; without it, nothing opens the file."""
    with zipfile.ZipFile(file) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    for name, content in parts.items():
        if name.endswith(".xml") and b"<a14:m>" in content:
            start = content.index(b"<p:")
            end = content.index(b" ", start)
            parts[name] = content[:end] + f' xmlns:a14="{SPACE}"'.encode() + content[end:]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def wrap_tables(page) -> None:
    """Say of tables with equations which PowerPoint can show them, as PowerPoint itself does."""
    for table in list(page._element.iter(qn("p:graphicFrame"))):
        if next(table.iter(f"{{{SPACE}}}m"), None) is not None:
            wrapper = parse_xml(CHOICE)
            table.addprevious(wrapper)
            wrapper[0].append(table)
