"""What the training loop in `course_utils/train.py` stands on: batches, optimisers, checkpoints, progress, `course train`."""
