"""What a class is given: problems with small numbers, worksheets with their key, a quiz.

>>> problem = make_problem(seed=7, m=3, n=4, rank=2)
>>> len(problem.matrix), len(problem.matrix[0])
(3, 4)
"""

from lowrank.teaching.problems import LEVELS, Problem, make_problem
from lowrank.teaching.quiz import Question, judge, judge_operation, make_question
from lowrank.teaching.worksheet import FORMATS, Worksheet, make_worksheet

__all__ = [
    "FORMATS",
    "LEVELS",
    "Problem",
    "Question",
    "Worksheet",
    "judge",
    "judge_operation",
    "make_problem",
    "make_question",
    "make_worksheet",
]
