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

/// All presets: the hosts that each manager uses for downloads in its default configuration, and those to which they
/// send it on. Packages of Composer and Swift, and the distributions that Gradle's wrapper fetches, are at GitHub.
const PRESETS: [Preset; 14] = [
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
    Preset {
        name: "gradle",
        hosts: &[
            "services.gradle.org",
            "downloads.gradle.org",
            "plugins.gradle.org",
            "plugins-artifacts.gradle.org",
            "github.com",
            "release-assets.githubusercontent.com",
        ],
    },
    Preset {
        name: "yarn",
        hosts: &["registry.yarnpkg.com", "repo.yarnpkg.com", "registry.npmjs.org"],
    },
    Preset {
        name: "deno",
        hosts: &["jsr.io", "npm.jsr.io", "deno.land", "registry.npmjs.org"],
    },
    Preset {
        name: "gem",
        hosts: &["rubygems.org", "index.rubygems.org"],
    },
    Preset {
        name: "composer",
        hosts: &[
            "repo.packagist.org",
            "packagist.org",
            "api.github.com",
            "codeload.github.com",
            "github.com",
        ],
    },
    Preset {
        name: "nuget",
        hosts: &["api.nuget.org"],
    },
    Preset {
        name: "hex",
        hosts: &["repo.hex.pm", "builds.hex.pm", "hex.pm"],
    },
    Preset {
        name: "swift",
        hosts: &[
            "github.com",
            "codeload.github.com",
            "release-assets.githubusercontent.com",
        ],
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
