"""What a class is given: problems with small numbers, worksheets with their key, a quiz.

>>> problem = make_problem(seed=7, m=3, n=4, rank=2)
>>> len(problem.matrix), len(problem.matrix[0])
(3, 4)

- `make_problem` draws a `Problem` that stays within one of the `LEVELS`.
- `make_worksheet` collects some in a `Worksheet`; `FORMATS` write it with its key; `answer` is what
  the key says about one problem.
- `make_counting` makes one about storing low rank, LoRA or memory; `formats_of` says what writes
  it.
- `make_choices` asks about any of the `CHAPTERS`, with answers to choose from; `judge_choice` says
  what leads to a wrong one; `EXPORTS` write them for Moodle (GIFT), Canvas (QTI) and as CSV.
- `make_question` asks a `Question`; `judge` gives the `Judgement` on a typed answer, and
  `judge_operation` on a row operation.
"""

from lowrank.teaching.chapters import CHAPTERS, judge_choice, make_choice, make_choices
from lowrank.teaching.choices import Choice
from lowrank.teaching.counting import Counting, formats_of, make_counting
from lowrank.teaching.exports import EXPORTS
from lowrank.teaching.problems import LEVELS, Problem, make_problem
from lowrank.teaching.quiz import Judgement, Question, judge, judge_operation, make_question
from lowrank.teaching.worksheet import FORMATS, Worksheet, answer, make_worksheet

__all__ = [
    "CHAPTERS",
    "EXPORTS",
    "FORMATS",
    "LEVELS",
    "Choice",
    "Counting",
    "Judgement",
    "Problem",
    "Question",
    "Worksheet",
    "answer",
    "formats_of",
    "judge",
    "judge_choice",
    "judge_operation",
    "make_choice",
    "make_choices",
    "make_counting",
    "make_problem",
    "make_question",
    "make_worksheet",
]
