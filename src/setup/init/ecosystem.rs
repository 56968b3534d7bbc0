//! The ecosystems that a repository may use, and what follows from each.

/// A family of tools that shares a manifest format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ecosystem {
    Rust,
    Go,
    Node,
    Python,
    Java,
    Ruby,
    Php,
    DotNet,
}

pub(super) const ALL: [Ecosystem; 8] = [
    Ecosystem::Rust,
    Ecosystem::Go,
    Ecosystem::Node,
    Ecosystem::Python,
    Ecosystem::Java,
    Ecosystem::Ruby,
    Ecosystem::Php,
    Ecosystem::DotNet,
];

impl Ecosystem {
    /// Returns its name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
            Self::Node => "node",
            Self::Python => "python",
            Self::Java => "java",
            Self::Ruby => "ruby",
            Self::Php => "php",
            Self::DotNet => "dotnet",
        }
    }

    /// Returns the files that it has at the root of a repository.
    pub(super) fn markers(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["Cargo.toml"],
            Self::Go => &["go.mod"],
            Self::Node => &["package.json"],
            Self::Python => &["pyproject.toml"],
            Self::Java => &["pom.xml", "build.gradle", "build.gradle.kts"],
            Self::Ruby => &["Gemfile"],
            Self::Php => &["composer.json"],
            Self::DotNet => &[],
        }
    }

    /// Returns where its code usually is.
    pub(super) fn source_dirs(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["src", "crates", "tests"],
            Self::Go => &["cmd", "internal", "pkg", "tests"],
            Self::Node => &["src", "lib", "test", "tests"],
            Self::Python | Self::DotNet => &["src", "tests"],
            Self::Java => &["src", "app/src", "lib/src"],
            Self::Ruby => &["lib", "app", "spec", "test"],
            Self::Php => &["src", "app", "tests"],
        }
    }

    /// Returns the commands that are usually run before a merge.
    pub(super) fn gates(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["cargo test"],
            Self::Go => &["go vet ./...", "go test ./..."],
            Self::Node => &["npm test"],
            Self::Python => &["python -m pytest"],
            Self::Java => &[],
            Self::Ruby => &["bundle exec rake test"],
            Self::Php => &["composer test"],
            Self::DotNet => &["dotnet test"],
        }
    }

    /// Returns commands that succeed where its tools are installed.
    pub(super) fn toolchain(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["cargo --version"],
            Self::Go => &["go version"],
            Self::Node => &["node --version"],
            Self::Python => &["python3 --version"],
            Self::Java => &["java -version"],
            Self::Ruby => &["ruby --version"],
            Self::Php => &["php --version"],
            Self::DotNet => &["dotnet --version"],
        }
    }
}
