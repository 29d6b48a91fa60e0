"""What runs when, and what came of it: models and tasks, their graph, their runs.

``timetable`` says when something is due, ``runs`` how the tasks of a run follow each other, and
``runner`` runs their attempts.
"""
