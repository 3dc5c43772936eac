//! Whole projects, read from their files.
