//! A container engine over its Docker API.
