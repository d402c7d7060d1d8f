r"""Questions for the systems that classes use: GIFT for Moodle, QTI for Canvas, CSV for all else.

>>> from lowrank.teaching.chapters import make_choices
>>> print(as_gift(make_choices("rank", 1, 1)))
$CATEGORY: lowrank/Rank
<BLANKLINE>
::Rank 1::A matrix has 5 rows and 2 columns. What is the largest rank it can have? {
=2#Row rank and column rank are equal, so the smaller side bounds both.
~7#Counts rows and columns together; they share one rank.
~10#Counts the entries. The rank counts rows, not numbers.
~5#Takes the larger side\: so many rows or columns cannot be independent where the others are fewer.
}
<BLANKLINE>
"""

import csv
import re
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from io import BytesIO, StringIO
from xml.etree.ElementTree import Element, SubElement, indent, tostring
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from lowrank.errors import InputError
from lowrank.files import as_cell
from lowrank.language import gettext as _
from lowrank.language import joined
from lowrank.teaching.choices import MOST_OPTIONS, Choice, Option
from lowrank.teaching.formats import SPREADSHEET, Format

SPECIAL = re.compile(r"[\\~=#{}:]")  # what GIFT reads as its own
QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
CANVAS = "http://canvas.instructure.com/xsd/cccv1p0"
PACKAGE = "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
RESOURCE = "associatedcontent/imscc_xmlv1p1/learning-application-resource"
Names = dict[Option, str]  # what each option of one question is called in QTI


def as_gift(questions: Sequence[Choice]) -> str:
    """Questions of one chapter or several as GIFT, which Moodle imports; each has its feedback.

    Reference: https://docs.moodle.org/en/GIFT_format.
    """
    parts, chapter = [], ""
    for question in questions:
        if question.title != chapter:
            chapter = question.title
            parts.append(f"$CATEGORY: lowrank/{chapter}\n")
        options = sorted(question.options, key=lambda option: not option.right)
        answers = [
            f"{'=' if each.right else '~'}{_gift(each.words)}#{_gift(each.why)}" for each in options
        ]
        name = f"{chapter} {question.seed}"
        parts.append("\n".join([f"::{name}::{_gift(question.asked)} {{", *answers, "}\n"]))
    return "\n".join(parts)


def _gift(words: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", words)


def as_csv(questions: Sequence[Choice]) -> str:
    """A line a question: chapter, number, question, the letter of the right answer, all answers.

    What a spreadsheet would reckon with stays text.
    """
    letters = "ABCDEFGH"[:MOST_OPTIONS]
    held = StringIO()
    writer = csv.writer(held, lineterminator="\n")
    reason = _("why {letter}")
    answers = [name for letter in letters for name in (letter, reason.format(letter=letter))]
    writer.writerow([_("chapter"), _("number"), _("question"), _("right"), *answers])
    for question in questions:
        cells = [cell for each in question.options for cell in (each.words, each.why)]
        right = letters[question.options.index(question.right)]
        row = [question.title, question.seed, question.asked, right, *cells]
        writer.writerow(map(as_cell, row))
    return held.getvalue()


def as_qti(questions: Sequence[Choice]) -> bytes:
    """A QTI 1.2 package (zip) as Canvas and others import it: one quiz, each answer with feedback.

    The same questions give the same bytes. Raises InputError without a question.
    Reference: https://www.imsglobal.org/question/qtiv1p2.
    """
    if not questions:
        raise InputError("questions is empty; a quiz has at least one.")
    chapters = joined(dict.fromkeys(each.title for each in questions), _("{first}, {last}"))
    title = _("lowrank: {chapters}").format(chapters=chapters)
    name = f"assessment_{_hash(*(each.asked for each in questions))}"
    files = {
        "imsmanifest.xml": _manifest(name),
        f"{name}/{name}.xml": _assessment(name, title, questions),
        f"{name}/assessment_meta.xml": _meta(name, title, len(questions)),
    }
    held = BytesIO()
    with ZipFile(held, "w", ZIP_DEFLATED) as package:
        for path, root in files.items():
            indent(root)
            content = tostring(root, encoding="UTF-8", xml_declaration=True)
            package.writestr(ZipInfo(path), content, ZIP_DEFLATED)
    return held.getvalue()


def _hash(*words: str) -> str:
    return sha256("\0".join(words).encode()).hexdigest()[:32]


def _tree(parent: Element, *path: str) -> Element:
    """The end of a row of new elements, each inside the one before."""
    for tag in path:
        parent = SubElement(parent, tag)
    return parent


def _text(parent: Element, tag: str, words: str, **attributes: str) -> None:
    SubElement(parent, tag, attributes).text = words


def _fields(parent: Element, fields: dict[str, str]) -> None:
    """QTI's own way to say a few things by name."""
    metadata = SubElement(parent, "qtimetadata")
    for label, entry in fields.items():
        field = SubElement(metadata, "qtimetadatafield")
        _text(field, "fieldlabel", label)
        _text(field, "fieldentry", entry)


def _material(parent: Element, words: str) -> None:
    """Words as a paragraph of HTML."""
    html = f"<p>{escape(words, quote=False)}</p>"
    _text(SubElement(parent, "material"), "mattext", html, texttype="text/html")


def _root(tag: str, namespace: str, **attributes: str) -> Element:
    return Element(tag, {"xmlns": namespace, **attributes})


def _assessment(name: str, title: str, questions: Sequence[Choice]) -> Element:
    root = _root("questestinterop", QTI)
    assessment = SubElement(root, "assessment", ident=name, title=title)
    _fields(assessment, {"cc_maxattempts": "1"})
    section = SubElement(assessment, "section", ident="root_section")
    for question in questions:
        _item(section, question)
    return root


def _item(section: Element, question: Choice) -> None:
    key = _hash(question.chapter, str(question.seed), question.asked)
    names = {each: f"choice_{_hash(key, each.words)}" for each in question.options}
    title = f"{question.title} {question.seed}"
    item = SubElement(section, "item", ident=f"question_{key}", title=title)
    fields = {
        "question_type": "multiple_choice_question",
        "points_possible": "1",
        "original_answer_ids": ",".join(names.values()),
        "assessment_question_identifierref": f"question_ref_{key}",
    }
    _fields(SubElement(item, "itemmetadata"), fields)
    presentation = SubElement(item, "presentation")
    _material(presentation, question.asked)
    response = SubElement(presentation, "response_lid", ident="response1", rcardinality="Single")
    choices = SubElement(response, "render_choice")
    for option, ident in names.items():
        _material(SubElement(choices, "response_label", ident=ident), option.words)
    _processing(item, names, names[question.right])
    for option, ident in names.items():
        _material(
            _tree(SubElement(item, "itemfeedback", ident=f"{ident}_fb"), "flow_mat"), option.why
        )


def _processing(item: Element, names: Names, right: str) -> None:
    """Each answer shows its feedback, and the right one scores."""
    processing = SubElement(item, "resprocessing")
    score = {"maxvalue": "100", "minvalue": "0", "varname": "SCORE", "vartype": "Decimal"}
    SubElement(_tree(processing, "outcomes"), "decvar", score)
    for ident in names.values():
        shown = _condition(processing, ident, "Yes")
        SubElement(shown, "displayfeedback", feedbacktype="Response", linkrefid=f"{ident}_fb")
    _text(_condition(processing, right, "No"), "setvar", "100", action="Set", varname="SCORE")


def _condition(processing: Element, ident: str, goes_on: str) -> Element:
    condition = SubElement(processing, "respcondition", {"continue": goes_on})
    _text(SubElement(condition, "conditionvar"), "varequal", ident, respident="response1")
    return condition


def _meta(name: str, title: str, points: int) -> Element:
    """What Canvas wants to know of a quiz; all else it takes as usual."""
    root = _root("quiz", CANVAS, identifier=name)
    for tag, words in {
        "title": title,
        "shuffle_answers": "false",
        "scoring_policy": "keep_highest",
        "quiz_type": "assignment",
        "points_possible": f"{points:.1f}",
        "show_correct_answers": "true",
        "allowed_attempts": "1",
    }.items():
        _text(root, tag, words)
    return root


def _manifest(name: str) -> Element:
    """The package's table of contents: the quiz and what belongs to it."""
    root = _root("manifest", PACKAGE, identifier=f"manifest_{name}")
    metadata = SubElement(root, "metadata")
    _text(metadata, "schema", "IMS Content")
    _text(metadata, "schemaversion", "1.1.3")
    SubElement(root, "organizations")
    resources = SubElement(root, "resources")
    quiz = SubElement(resources, "resource", identifier=name, type="imsqti_xmlv1p2")
    SubElement(quiz, "file", href=f"{name}/{name}.xml")
    SubElement(quiz, "dependency", identifierref=f"dependency_{name}")
    href = f"{name}/assessment_meta.xml"
    about = {"identifier": f"dependency_{name}", "type": RESOURCE, "href": href}
    SubElement(SubElement(resources, "resource", about), "file", href=href)
    return root


EXPORTS = {
    "gift": Format(as_gift, ".gift", "text/plain"),
    "qti": Format(as_qti, ".zip", "application/zip"),
    "csv": Format(as_csv, ".csv", "text/csv", SPREADSHEET),
}
"""What writes a quiz, by format: GIFT for Moodle, QTI for Canvas, CSV for a spreadsheet."""
