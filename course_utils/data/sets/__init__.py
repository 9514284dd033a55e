"""One module a data set: from what its makers' archives hold to the course's pictures and masks."""
