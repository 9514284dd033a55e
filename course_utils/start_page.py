"""What the start page shows: the map of the course with what the student has done, and what is new (lecture 00)."""

from course_utils.figures.course_map import course_map
from course_utils.lectures import lectures
from course_utils.progress import find_workspace, standings
from course_utils.workspace import new_versions


def start_page() -> None:
    """Show the map; in a workspace with the student's progress, and with the new versions that lie beside own work."""
    from IPython.display import HTML, display

    workspace = find_workspace()
    there = {lecture.name for lecture in lectures()}
    if workspace is None:
        display(HTML(course_map(there)))
        return
    done = {
        standing.lecture: (len(standing.done), len(standing.done) + len(standing.open))
        for standing in standings(workspace)
    }
    display(HTML(course_map(there, done, new_versions(workspace))))
