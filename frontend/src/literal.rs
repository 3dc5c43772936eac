//! Literals: numbers, dates, times and intervals as written, turned into values.
