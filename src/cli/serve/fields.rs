//! What queries and bodies may have.

/// A word of a query.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) is_repeated: bool,
    pub(super) what: &'static str,
}

/// A field of a body.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    pub(super) what: &'static str,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Texts,
    /// `true` or `false`.
    Yes,
}

impl Parameter {
    /// Builds a word that may be there once.
    pub(super) const fn once(name: &'static str, what: &'static str) -> Self {
        let is_repeated = false;
        Self {
            name,
            is_repeated,
            what,
        }
    }

    /// Builds a word that may be there several times.
    pub(super) const fn repeated(name: &'static str, what: &'static str) -> Self {
        let is_repeated = true;
        Self {
            name,
            is_repeated,
            what,
        }
    }
}

impl Field {
    /// Builds a field that must be there.
    pub(super) const fn required(name: &'static str, kind: Kind, what: &'static str) -> Self {
        let is_required = true;
        Self {
            name,
            kind,
            is_required,
            what,
        }
    }

    /// Builds a field that may be there.
    pub(super) const fn optional(name: &'static str, kind: Kind, what: &'static str) -> Self {
        let is_required = false;
        Self {
            name,
            kind,
            is_required,
            what,
        }
    }
}
