//! The tools that `image.build.tools` knows: which packages of the distribution have each, which registry has its
//! versions, which programs it brings, and the command that proves that it is there.

/// A tool of a toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Its name in `image.build.tools`.
    pub(crate) name: &'static str,
    /// The programs that it brings, as commands name them; the first one is the tool itself.
    pub(crate) programs: &'static [&'static str],
    /// The packages of Debian that have it; empty where Debian bookworm has none.
    pub(crate) packages: &'static [&'static str],
    /// Packages to prefer to these where the distribution has all of them: newer versions, which Debian keeps for browsers.
    pub(crate) newer: &'static [&'static str],
    /// The registry that has its versions, if one of those that are used here does.
    pub(crate) registry: Option<Registry>,
    /// A command that succeeds where it is installed.
    pub(crate) proof: &'static str,
    /// The version to begin with where the distribution has no package; empty where it has.
    pub(crate) first_version: &'static str,
    /// The name of a public image with apt that has versions of it, if there is one; its tags are the versions.
    pub(crate) image: Option<&'static str>,
}

/// A registry of a language that has versions of tools, and the name of the tool's package there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registry {
    /// The registry of `npm`.
    Npm(&'static str),
    /// The package index of Python.
    Python(&'static str),
    /// The registry of cargo, which has sources: they are compiled.
    Cargo(&'static str),
}

const fn distribution(
    name: &'static str,
    programs: &'static [&'static str],
    packages: &'static [&'static str],
    proof: &'static str,
) -> Tool {
    Tool {
        name,
        programs,
        packages,
        newer: &[],
        registry: None,
        proof,
        first_version: "",
        image: None,
    }
}

const fn registry(
    name: &'static str,
    programs: &'static [&'static str],
    registry: Registry,
    first_version: &'static str,
    proof: &'static str,
) -> Tool {
    Tool {
        registry: Some(registry),
        first_version,
        ..distribution(name, programs, &[], proof)
    }
}

/// A tool of the distribution whose versions a public image has.
const fn with_image(tool: Tool, image: &'static str) -> Tool {
    Tool {
        image: Some(image),
        ..tool
    }
}

const fn either(tool: Tool, registry: Registry) -> Tool {
    Tool {
        registry: Some(registry),
        ..tool
    }
}

/// Every tool, in the order of their names.
pub(crate) const TOOLS: &[Tool] = &[
    distribution(
        "autotools",
        &["autoconf", "autoreconf", "automake", "libtoolize"],
        &["autoconf", "automake", "libtool"],
        "autoconf --version",
    ),
    registry("bun", &["bun", "bunx"], Registry::Npm("bun"), "1.4.5", "bun --version"),
    distribution("c", &["cc", "gcc"], &["gcc", "libc6-dev"], "cc --version"),
    registry(
        "cargo-deny",
        &["cargo-deny"],
        Registry::Cargo("cargo-deny"),
        "0.20.2",
        "cargo-deny --version",
    ),
    registry(
        "cargo-nextest",
        &["cargo-nextest"],
        Registry::Cargo("cargo-nextest"),
        "0.9.128",
        "cargo-nextest --version",
    ),
    either(
        distribution("cmake", &["cmake", "ctest"], &["cmake"], "cmake --version"),
        Registry::Python("cmake"),
    ),
    distribution("composer", &["composer"], &["composer"], "composer --version"),
    distribution("cpp", &["c++", "g++"], &["g++"], "c++ --version"),
    registry("deno", &["deno"], Registry::Npm("deno"), "2.9.6", "deno --version"),
    with_image(
        distribution("elixir", &["elixir", "mix"], &["elixir"], "elixir --version"),
        "elixir",
    ),
    with_image(
        distribution("go", &["go", "gofmt"], &["golang-go"], "go version"),
        "golang",
    ),
    with_image(
        distribution("gradle", &["gradle"], &["gradle"], "gradle --version"),
        "gradle",
    ),
    registry(
        "hatch",
        &["hatch"],
        Registry::Python("hatch"),
        "1.18.2",
        "hatch --version",
    ),
    with_image(
        distribution("java", &["java", "javac"], &["default-jdk-headless"], "java -version"),
        "eclipse-temurin",
    ),
    registry("just", &["just"], Registry::Cargo("just"), "1.59.0", "just --version"),
    distribution("make", &["make"], &["make"], "make --version"),
    with_image(distribution("maven", &["mvn"], &["maven"], "mvn --version"), "maven"),
    either(
        distribution("meson", &["meson"], &["meson"], "meson --version"),
        Registry::Python("meson"),
    ),
    either(
        distribution("ninja", &["ninja"], &["ninja-build"], "ninja --version"),
        Registry::Python("ninja"),
    ),
    either(
        distribution("node", &["node"], &["nodejs"], "node --version"),
        Registry::Npm("node"),
    ),
    either(
        distribution("nox", &["nox"], &["nox"], "nox --version"),
        Registry::Python("nox"),
    ),
    either(
        distribution("npm", &["npm", "npx"], &["npm"], "npm --version"),
        Registry::Npm("npm"),
    ),
    registry("pdm", &["pdm"], Registry::Python("pdm"), "2.29.4", "pdm --version"),
    with_image(
        distribution(
            "php",
            &["php"],
            &["php-cli", "php-mbstring", "php-xml"],
            "php --version",
        ),
        "php",
    ),
    either(
        distribution("pipenv", &["pipenv"], &["pipenv"], "pipenv --version"),
        Registry::Python("pipenv"),
    ),
    registry(
        "pnpm",
        &["pnpm", "pnpx"],
        Registry::Npm("pnpm"),
        "9.15.0",
        "pnpm --version",
    ),
    either(
        distribution("poetry", &["poetry"], &["python3-poetry"], "poetry --version"),
        Registry::Python("poetry"),
    ),
    with_image(
        distribution(
            "python",
            &["python3", "pip3"],
            &["python3", "python3-pip", "python3-venv"],
            "python3 --version",
        ),
        "python",
    ),
    with_image(
        distribution(
            "ruby",
            &["ruby", "bundle", "gem", "rake"],
            &["ruby", "ruby-dev", "bundler", "gcc", "libc6-dev", "make"],
            "ruby --version",
        ),
        "ruby",
    ),
    Tool {
        newer: &["cargo-web", "rust-web-clippy", "rustfmt-web"],
        image: Some("rust"),
        ..distribution(
            "rust",
            &["cargo", "rustc", "rustfmt", "cargo-clippy"],
            &["cargo", "rust-clippy", "rustfmt"],
            "cargo --version",
        )
    },
    either(
        distribution("tox", &["tox"], &["tox"], "tox --version"),
        Registry::Python("tox"),
    ),
    registry("uv", &["uv", "uvx"], Registry::Python("uv"), "0.13.9", "uv --version"),
    registry("yarn", &["yarn"], Registry::Npm("yarn"), "1.22.22", "yarn --version"),
];

/// Returns the tool of a name.
pub(crate) fn tool(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

/// Returns the tool that brings a program.
pub(crate) fn tool_of_program(program: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.programs.contains(&program))
}

/// Returns what brings a program into an image that is built, as a sentence without its end.
pub(crate) fn bringing(program: &str) -> String {
    match tool_of_program(program) {
        Some(tool) => format!("`{}` in `image.build.tools` brings it", tool.name),
        None => "add the package that has it to `image.build.packages`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_can_be_had_and_proved_and_is_there_once() {
        assert!(TOOLS.windows(2).all(|pair| pair[0].name < pair[1].name), "not in order");
        for tool in TOOLS {
            let program = tool.proof.split(' ').next();
            assert_eq!(program, tool.programs.first().copied(), "{}", tool.name);
            // What `init` writes can be had.
            assert_eq!(
                tool.packages.is_empty(),
                !tool.first_version.is_empty(),
                "{}",
                tool.name
            );
            assert!(
                tool.first_version.is_empty() || tool.registry.is_some(),
                "{}",
                tool.name
            );
            for program in tool.programs {
                assert_eq!(tool_of_program(program), Some(tool), "`{program}` is another's, too");
            }
            assert_eq!(super::tool(tool.name), Some(tool));
        }
    }
}
