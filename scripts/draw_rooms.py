"""Draw docs/rooms.toml, the table of who imports whom, into docs/architecture.md.

python scripts/draw_rooms.py
"""

import tomllib
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
TABLE, ARCHITECTURE = DOCS / "rooms.toml", DOCS / "architecture.md"
BEGIN, END = "<!-- rooms: begin -->", "<!-- rooms: end -->"


def direct(rooms: dict[str, Any]) -> dict[str, set[str]]:
    """The arrows that are not already implied by a longer way; of many arrows, few need drawing."""

    def reached(room: str) -> set[str]:
        below = set(rooms[room]["rooms"])
        return below.union(*(reached(each) for each in below)) if below else below

    return {
        room: {
            to for to in row["rooms"] if not any(to in reached(o) for o in row["rooms"] if o != to)
        }
        for room, row in rooms.items()
    }


def picture(rooms: dict[str, Any]) -> str:
    """A mermaid flowchart, and a table with every arrow."""
    lines = ["```mermaid", "flowchart BT"]
    for room in rooms:
        lines.append(f'  {room.replace(".", "_")}["{room}"]')
    for room, below in direct(rooms).items():
        lines += [f"  {room.replace('.', '_')} --> {to.replace('.', '_')}" for to in sorted(below)]
    lines += ["```", "", "| room | what it is | imports from | libraries |", "|:--|:--|:--|:--|"]
    for room, row in rooms.items():
        cells = [", ".join(row[key]) or "—" for key in ("rooms", "outside")]
        lines.append(f"| `{room}` | {row['says']} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def drawn(page: str) -> str:
    """The page with its picture drawn anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    rooms = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return f"{before}{BEGIN}\n{picture(rooms)}\n{END}{after}"


if __name__ == "__main__":
    ARCHITECTURE.write_text(drawn(ARCHITECTURE.read_text(encoding="utf-8")), encoding="utf-8")
