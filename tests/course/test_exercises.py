"""How `check`, `hint` and `quiz` answer."""

import re
import subprocess
import sys
from html import unescape

import pytest

from course_utils.course.lectures import lectures
from course_utils.exercises.engine import NotYet, check, find_exercise, hint
from course_utils.exercises.quizzes import Choice, Question, questions_of, quiz_html


def test_an_unknown_exercise_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"lecture 00 has 00\.foreground_share"):
        find_exercise("00.foreground")
    with pytest.raises(ValueError, match="there is no lecture '55'"):
        find_exercise("55.anything")


def test_a_stub_is_answered_kindly():
    def stub(mask):
        raise NotImplementedError("your turn")

    with pytest.raises(NotYet, match=r"not written yet.*hint\('00.foreground_share'\)"):
        check("00.foreground_share", stub)


def test_an_error_in_the_answer_is_told_without_our_stack():
    with pytest.raises(NotYet, match=r"stopped with an error.*ZeroDivisionError") as caught:
        check("00.foreground_share", lambda mask: 1 / 0)
    (shown,) = caught.value._render_traceback_()
    assert shown.split() == str(caught.value).split()
    assert max(map(len, shown.splitlines())) <= 100


def test_hints_come_one_after_the_other_and_the_last_stays(capsys):
    for _ in range(4):
        hint("00.foreground_share")
    said = re.findall("Hint . of .", capsys.readouterr().out)
    assert said == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Hint 3 of 3"]


@pytest.mark.parametrize("lecture", [lecture.number for lecture in lectures()])
def test_a_quiz_has_five_questions_each_with_one_right_choice_and_a_reason_for_all(lecture):
    questions = questions_of(lecture)
    assert len(questions) == 5
    for question in questions:
        assert sum(choice.right for choice in question.choices) == 1, question.text
        assert len(question.choices) >= 3
        assert all(len(choice.why) > 15 for choice in question.choices)
    places = {[choice.right for choice in question.choices].index(True) for question in questions}
    assert len(places) > 1, "the right choice always stands in the same place"


def test_a_quiz_needs_no_script_and_escapes_its_text():
    html = quiz_html([Question("Is 1 < 2?", (Choice("a < b", "because & so", True),))])
    assert "<script" not in html
    assert "a &lt; b" in html
    assert "because & so" in unescape(html)
    assert "<details>" in html


@pytest.mark.parametrize("lecture", [lecture.number for lecture in lectures()])
def test_a_quizs_answers_cannot_be_read_off_the_notebooks_source(lecture):
    questions = questions_of(lecture)
    html = quiz_html(questions)
    hidden = re.sub("<summary>.*?</summary>|<li><p>.*?</p>", "", html)
    for question in questions:
        assert question.text in unescape(html)
        for choice in question.choices:
            words = choice.why.split()
            assert choice.why in unescape(html)
            assert not any(" ".join(three) in hidden for three in zip(words, words[1:], words[2:], strict=False))
    assert "Right" not in html and "Not this" not in html
    shapes = {
        re.sub(r"<summary>.*?</summary>|(&#\d+;)+", "", box) for box in re.findall(r"<details>.*?</details>", html)
    }
    assert len(shapes) == 1, "a right choice is built like a wrong one"


def test_a_lecture_starts_without_the_tools_that_build_notebooks():
    look = "import sys, course_utils.exercises; print({'nbformat', 'jupytext'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "set()"  # their import takes three seconds
