"""The course as one static site that opens from a disk: every lecture, what was measured, the library, the guide."""
