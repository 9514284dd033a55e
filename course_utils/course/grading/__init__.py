"""Grading a folder of submissions: `course grade` (for lecturers; docs/grading.md).

A process is not a sandbox. What stands here keeps one broken answer from costing others their marks, and turns away what
students try for fun. Against someone who means harm, grade in a container: docs/grading.md has the command.
"""
