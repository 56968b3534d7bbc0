//! The public hosts of package managers, by the name of the manager.

use crate::base::text;

/// A word in `network.allow` for the hosts of a package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The word.
    pub name: &'static str,
    /// The hosts, as if each were an entry.
    pub hosts: &'static [&'static str],
}

/// All presets: the hosts that each manager uses for downloads in its default configuration.
const PRESETS: [Preset; 6] = [
    Preset {
        name: "cargo",
        hosts: &["index.crates.io", "static.crates.io", "crates.io"],
    },
    Preset {
        name: "npm",
        hosts: &["registry.npmjs.org"],
    },
    Preset {
        name: "pip",
        hosts: &["pypi.org", "files.pythonhosted.org"],
    },
    Preset {
        name: "go",
        hosts: &["proxy.golang.org", "sum.golang.org"],
    },
    Preset {
        name: "debian",
        hosts: &["deb.debian.org", "security.debian.org"],
    },
    Preset {
        name: "maven",
        hosts: &["repo.maven.apache.org", "repo1.maven.org"],
    },
];

impl Preset {
    /// Returns the preset of a name.
    pub fn named(name: &str) -> Option<Self> {
        PRESETS.into_iter().find(|preset| preset.name == name)
    }

    /// Returns the names of all presets, for messages.
    pub(super) fn names() -> String {
        PRESETS.map(|preset| format!("`{}`", preset.name)).join(", ")
    }

    /// Returns the name that was probably intended.
    pub(super) fn nearest(word: &str) -> Option<&'static str> {
        text::nearest(word, PRESETS.map(|preset| preset.name))
    }
}
