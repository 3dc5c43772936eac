//! Types made of other types: lists, structs, maps and enumerations.
//!
//! A type is a handle that is copied freely. Handles are compared, ordered and hashed by what they
//! stand for, so that nothing depends on which type was made first.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::DataType;

/// What a nested type is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Nested {
    /// Any number of values of one type, in order.
    List(DataType),
    /// Named fields, in order.
    Struct(Vec<(Arc<str>, DataType)>),
    /// Values by keys.
    Map(DataType, DataType),
    /// One of these texts, which compare in this order.
    Enum(Vec<Arc<str>>),
}

/// A handle of a [`Nested`] type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NestedType(&'static Nested);

impl NestedType {
    /// The handle of a type. Each distinct type is kept for as long as the program runs: projects
    /// have few, and a handle that is `Copy` keeps [`DataType`] as cheap as a number.
    #[must_use]
    pub fn new(nested: Nested) -> Self {
        static KNOWN: Mutex<BTreeSet<&'static Nested>> = Mutex::new(BTreeSet::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&found) = known.get(&nested) {
            return Self(found);
        }
        let kept: &'static Nested = Box::leak(Box::new(nested));
        known.insert(kept);
        Self(kept)
    }

    /// What the type is made of.
    #[must_use]
    pub fn get(self) -> &'static Nested {
        self.0
    }
}

impl DataType {
    /// A list of values of this type.
    #[must_use]
    pub fn list_of(self) -> Self {
        Self::Nested(NestedType::new(Nested::List(self)))
    }

    /// The type of a list's elements.
    #[must_use]
    pub fn element(self) -> Option<Self> {
        match self {
            Self::Nested(nested) => match nested.get() {
                Nested::List(element) => Some(*element),
                Nested::Struct(_) | Nested::Map(..) | Nested::Enum(_) => None,
            },
            _ => None,
        }
    }

    /// The type of a struct's field; the name is compared without case.
    #[must_use]
    pub fn field(self, name: &str) -> Option<Self> {
        match self {
            Self::Nested(nested) => match nested.get() {
                Nested::Struct(fields) => {
                    fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, of)| *of)
                }
                Nested::List(_) | Nested::Map(..) | Nested::Enum(_) => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for NestedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |f: &mut fmt::Formatter<'_>,
                      n: usize,
                      part: &mut dyn FnMut(&mut fmt::Formatter<'_>, usize) -> fmt::Result| {
            for at in 0..n {
                if at > 0 {
                    f.write_str(", ")?;
                }
                part(f, at)?;
            }
            f.write_str(")")
        };
        match self.0 {
            Nested::List(element) => write!(f, "list({element})"),
            Nested::Map(key, value) => write!(f, "map({key}, {value})"),
            Nested::Struct(fields) => {
                f.write_str("struct(")?;
                listed(f, fields.len(), &mut |f, at| write!(f, "{} {}", fields[at].0, fields[at].1))
            }
            Nested::Enum(texts) => {
                f.write_str("enum(")?;
                listed(f, texts.len(), &mut |f, at| write!(f, "'{}'", texts[at].replace('\'', "''")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DataType, Nested, NestedType};

    #[test]
    fn handles_compare_by_what_they_stand_for() {
        let list = DataType::Int32.list_of();
        assert_eq!(list, DataType::Int32.list_of());
        assert_ne!(list, DataType::Int64.list_of());
        assert_eq!(list.element(), Some(DataType::Int32));
        let fields = vec![("a".into(), DataType::Text), ("b".into(), list)];
        let row = DataType::Nested(NestedType::new(Nested::Struct(fields)));
        assert_eq!(row.field("B"), Some(list));
        assert_eq!(row.field("c"), None);
        assert_eq!(row.to_string(), "struct(a text, b list(int32))");
    }
}
