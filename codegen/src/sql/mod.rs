//! SQL: plans and scalars spelled for one dialect.
