//! The one table of what tools run by themselves: the files that each obeys before anybody asked it to do something
//! with the project, and the files that it runs when somebody does.

/// A tool on the person's side: a command, an editor, a system of continuous integration.
pub(crate) struct Tool {
    /// Its name for people.
    pub(crate) name: &'static str,
    /// Globs of files that it obeys whatever it is asked to do, or without being asked: when a folder is opened or
    /// entered, at a commit, a build or an installation. These are protected by default.
    pub(crate) obeys: &'static [&'static str],
    /// Globs of files that it runs when it is asked to do something with the project. Writing these is a task's
    /// ordinary work; `stop` names them.
    pub(crate) runs: &'static [&'static str],
}

const fn tool(name: &'static str, obeys: &'static [&'static str], runs: &'static [&'static str]) -> Tool {
    Tool { name, obeys, runs }
}

/// All tools that are known here.
#[rustfmt::skip]
pub(crate) const TOOLS: &[Tool] = &[
    tool("cordwainer", &["configuration.yaml", "cordwainer.yaml", "configuration.schema.json", "xtask/**"], &[]),
    tool(
        "cargo",
        &["**/.cargo/**", "**/rust-toolchain", "**/rust-toolchain.toml", "**/build.rs"],
        &["**/Cargo.toml"],
    ),
    tool(
        "containers",
        &[
            "container/**", "**/Dockerfile", "**/Containerfile", ".devcontainer/**", ".devcontainer.json",
            "**/compose.yml", "**/compose.yaml", "**/compose.override.yml", "**/compose.override.yaml",
            "**/docker-compose*.yml", "**/docker-compose*.yaml",
        ],
        &["**/*.dockerfile", "**/Dockerfile.*", "**/Containerfile.*", "**/Earthfile", "**/Tiltfile", "**/Vagrantfile"],
    ),
    tool(
        "CI",
        &[
            ".github/**", ".gitlab-ci.yml", ".gitlab/**", ".forgejo/**", ".gitea/**", ".circleci/**", ".buildkite/**",
            ".ci/**", "Jenkinsfile", ".jenkins/**", "azure-pipelines.yml", "azure-pipelines.yaml",
            ".azure-pipelines/**", "bitbucket-pipelines.yml", ".travis.yml", ".drone.yml", ".drone.yaml",
            ".woodpecker.yml", ".woodpecker.yaml", ".woodpecker/**", ".appveyor.yml", "appveyor.yml", ".cirrus.yml",
            ".cirrus.star", ".gitpod.yml", ".semaphore/**", ".teamcity/**", ".tekton/**", ".build.yml", ".builds/**", "bitrise.yml",
            "codemagic.yaml", "buildspec.yml", "cloudbuild.yaml", ".readthedocs.yml", ".readthedocs.yaml",
            "netlify.toml", "vercel.json", "renovate.json", "renovate.json5", ".renovaterc", ".renovaterc.json",
        ],
        &[],
    ),
    tool("pre-commit", &[".pre-commit-config.yaml", ".pre-commit-hooks.yaml"], &[]),
    tool(
        "lefthook",
        &["lefthook.yml", ".lefthook.yml", "lefthook.yaml", ".lefthook.yaml", "lefthook.toml", ".lefthook.toml",
          "lefthook.json", ".lefthook.json", "lefthook-local.*", ".lefthook-local.*", ".lefthook/**"],
        &[],
    ),
    tool(
        "hooks of git",
        &[
            "**/.husky/**", "**/.huskyrc*", ".githooks/**", ".git-hooks/**", ".trunk/**", ".overcommit.yml",
            "**/.lintstagedrc*", "**/lint-staged.config.*", "**/.simple-git-hooks.*", "**/simple-git-hooks.*",
            "**/.commitlintrc*", "**/commitlint.config.*", "captainhook.json", "grumphp.yml",
        ],
        &[],
    ),
    tool("git", &["**/.gitmodules", "**/.lfsconfig", "**/.gitconfig"], &["**/.gitattributes"]),
    tool(
        "agents",
        &[
            "**/.claude/**", "**/.mcp.json", ".cursor/**", "**/.gemini/**", "**/.codex/**", "**/.roo/**",
            "**/.windsurf/**", "**/.continue/**", "**/.amazonq/**", "**/.kiro/**", "**/.opencode/**",
            "**/opencode.json*", "**/.aider.conf.yml",
        ],
        &["**/CLAUDE.md", "**/CLAUDE.local.md", "**/AGENTS.md", "**/GEMINI.md", "**/.cursorrules", "**/.clinerules/**"],
    ),
    tool(
        "editors",
        &[
            ".vscode/**", ".idea/**", ".zed/**", ".helix/**", ".fleet/**", ".nova/**", ".vs/**", ".theia/**",
            "**/.nvim.lua", "**/.nvimrc", "**/.exrc", "**/.vimrc", "**/.dir-locals.el", "**/.dir-locals-2.el",
            "*.code-workspace", "*.sublime-project", "**/.externalToolBuilders/**", "**/.project", "**/.factorypath",
            "**/nbproject/**",
        ],
        &[],
    ),
    // Editors run them to check what is open.
    tool(
        "linters",
        &[
            "**/eslint.config.*", "**/.eslintrc.js", "**/.eslintrc.cjs", "**/prettier.config.*", "**/.prettierrc.*js",
            "**/stylelint.config.*", "**/.stylelintrc.*js", "**/.rubocop.yml", "**/.formatter.exs",
        ],
        &[],
    ),
    tool("debuggers", &["**/.gdbinit", "**/.lldbinit"], &[]),
    tool("direnv", &["**/.envrc", "**/.env"], &[]),
    tool("mise", &["**/mise.toml", "**/.mise.toml", "**/mise.*.toml", "**/.mise.*.toml", "**/.mise/**", "**/.tool-versions"], &[]),
    // With direnv they are obeyed when somebody enters the folder.
    tool("nix", &["**/flake.nix", "**/shell.nix", "**/devenv.nix", "**/devbox.json"], &["**/*.nix"]),
    tool(
        "npm",
        &[
            "**/.npmrc", "**/.yarnrc.yml", "**/.yarnrc", "**/.yarn/releases/**", "**/.yarn/plugins/**",
            "**/.yarn/sdks/**", "**/.pnp.cjs", "**/.pnp.loader.mjs", "**/.pnpmfile.cjs", "**/.pnpmfile.mjs",
            "**/pnpm-workspace.yaml", "**/binding.gyp", "**/node_modules/**", "**/bunfig.toml",
        ],
        &["**/package.json", "**/deno.json", "**/deno.jsonc"],
    ),
    tool(
        "python",
        &["**/setup.py", "**/hatch_build.py", "**/pdm_build.py", "**/.venv/**", "**/pyvenv.cfg", "**/sitecustomize.py", "**/usercustomize.py", "**/*.pth"],
        &["**/pyproject.toml", "**/setup.cfg", "**/conftest.py", "**/tox.ini", "**/noxfile.py", "**/dodo.py"],
    ),
    tool(
        "maven",
        &["**/.mvn/**", "**/mvnw", "**/mvnw.cmd"],
        &["**/pom.xml"],
    ),
    tool(
        "gradle",
        &[
            "**/gradle/wrapper/**", "**/gradlew", "**/gradlew.bat", "**/gradle.properties", "**/.gradle/**",
            "**/gradle/gradle-daemon-jvm.properties",
        ],
        &["**/*.gradle", "**/*.gradle.kts", "**/buildSrc/**"],
    ),
    tool("sbt", &["**/.sbtopts", "**/.jvmopts", "**/project/build.properties"], &["**/*.sbt"]),
    tool("bazel", &["**/.bazelrc", "**/.bazelversion", "**/.bazeliskrc", "**/tools/bazel"], &["**/BUILD", "**/BUILD.bazel", "**/WORKSPACE", "**/MODULE.bazel", "**/*.bzl"]),
    tool(
        "dotnet",
        &["**/Directory.Build.props", "**/Directory.Build.targets", "**/Directory.Solution.*", "**/nuget.config", "**/omnisharp.json"],
        &["**/*.csproj", "**/*.fsproj", "**/*.vbproj", "**/*.sln"],
    ),
    tool("ruby", &["**/.bundle/**", "**/.irbrc", "**/.pryrc", "**/.rspec"], &["**/Rakefile", "**/Gemfile", "**/*.gemspec"]),
    tool("elixir", &["**/.iex.exs"], &["**/mix.exs"]),
    tool("terraform", &["**/.terraform/**"], &["**/*.tf"]),
    tool("make", &[], &["**/Makefile", "**/GNUmakefile", "**/*.mk"]),
    tool(
        "other builders",
        &[],
        &[
            "**/CMakeLists.txt", "**/CMakePresets.json", "**/*.cmake", "**/meson.build", "**/configure",
            "**/configure.ac", "**/autogen.sh", "**/SConstruct", "**/justfile", "**/.justfile", "**/Taskfile.yml",
            "**/Taskfile.yaml", "**/magefile.go", "**/magefiles/**", "**/build.zig", "**/build.xml",
            "**/composer.json", "**/Procfile",
        ],
    ),
];

/// The files that all tools obey: the default of `protected_paths`.
pub(crate) const OBEYED: &[&str] = &obeyed();

const fn obeyed() -> [&'static str; count()] {
    let mut all = [""; count()];
    let (mut tool, mut at) = (0, 0);
    while tool < TOOLS.len() {
        let mut one = 0;
        while one < TOOLS[tool].obeys.len() {
            all[at] = TOOLS[tool].obeys[one];
            at += 1;
            one += 1;
        }
        tool += 1;
    }
    all
}

const fn count() -> usize {
    let (mut tool, mut count) = (0, 0);
    while tool < TOOLS.len() {
        count += TOOLS[tool].obeys.len();
        tool += 1;
    }
    count
}
