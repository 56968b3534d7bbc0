//! The keys of what is sent to other hosts.

use super::{Files, Key, Shape};

/// The keys of a credential of another host; `host`, `from` and one of the six forms are required.
pub(crate) const CREDENTIAL: &[Key] = &[
    Key::new("host", Shape::Text, "", "The host, or `host:port`."),
    Key::new(
        "header",
        Shape::Text,
        "",
        "The secret goes into the header of this name, as it is.",
    ),
    Key::new("basic", Shape::Text, "", "The secret is the password of this user."),
    Key::new("bearer", Shape::Flag, "", "The secret is a bearer's token: `true`."),
    Key::new(
        "cargo",
        Shape::Text,
        "",
        "The secret is cargo's token for the registry of this name.",
    ),
    Key::new("npm", Shape::Flag, "", "The secret is npm's token: `true`."),
    Key::new(
        "pip",
        Shape::Text,
        "",
        "The secret is the password of this user of a package index.",
    ),
    Key::new("from", Shape::Section(SECRET), "", "Where the secret is on the host."),
    Key::new(
        "roles",
        Shape::Callers(&["measure", "stitch", "review", "gates"]),
        "",
        "Whose containers have its use: measure, stitch, review, gates, or a stage of your own by its name. Unset: all.",
    ),
    Key::new("methods", Shape::List, "", "Methods with which it is sent. Unset: all."),
    Key::new(
        "paths",
        Shape::List,
        "",
        "Paths to which it is sent, as in `allow`. Unset: all.",
    ),
];

/// Where a secret is; one of the two.
pub(crate) const SECRET: &[Key] = &[
    Key::new(
        "env",
        Shape::Text,
        "",
        "The name of a variable of the environment in which you call the command.",
    ),
    Key::new("file", Shape::Text, "", "A file: absolute, or in `secrets_dir`.").files(Files::Free),
];
