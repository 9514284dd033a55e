"""Exercises and quizzes: one module a lecture, and the functions that notebooks call."""

from course_utils.exercises.engine import check, hint
from course_utils.exercises.quiz import quiz

__all__ = ["check", "hint", "quiz"]
