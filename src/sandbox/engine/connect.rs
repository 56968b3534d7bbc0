//! Finding an engine: the one that a person named, else the usual sockets, else an installed podman that is started.

use std::path::Path;

use bollard::{ClientVersion, Docker};

use crate::base::error::{Error, ErrorKind, Result};
use crate::sandbox::engine::Engine;
use crate::sandbox::engine::deadline::{self, CallError, HELLO};
use crate::sandbox::engine::endpoint::{self, Endpoint};
use crate::sandbox::engine::failure::{self, Failure};
use crate::sandbox::engine::kind::{EngineFacts, EngineKind};
use crate::sandbox::engine::lookup::{self, Answer};
use crate::sandbox::engine::options::{ConnectOptions, EngineChoice};
use crate::sandbox::engine::service::Service;

/// The supported API versions, the first that the engine accepts is used: 1.41 is that of podman 4.3 and Docker Engine
/// 20.10, 1.44 the oldest that Docker Engine 29 still supports.
const API_VERSIONS: [ClientVersion; 2] = [version(41), version(44)];

/// Bollard requires a limit of its own, in seconds; ours are tighter, see `deadline`.
const NO_LIMIT: u64 = 86_400;

/// The first operation, for its errors.
const GREETING: &str = "ask the engine for its version";

const fn version(minor: usize) -> ClientVersion {
    ClientVersion {
        major_version: 1,
        minor_version: minor,
    }
}

impl Engine {
    /// Finds an engine of the selected kind that responds, starting an installed podman as the last resort.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`]; the message lists what was tried, and why each failed.
    pub async fn connect(options: &ConnectOptions) -> Result<Self> {
        let user = rustix::process::geteuid().as_raw();
        let mut tried = Vec::new();
        for endpoint in endpoint::candidates(options, user)? {
            match try_endpoint(&endpoint, options.choice, options).await {
                Ok(engine) => return Ok(engine),
                Err(error) if endpoint.explicit => return Err(explicit(&endpoint, error)),
                Err(error) => tried.push(format!("{endpoint}: {}", reason(&error))),
            }
        }
        match start_podman(options).await {
            Ok(engine) => return Ok(engine),
            Err(error) => tried.push(format!("an installed podman: {}", reason(&error))),
        }
        Err(none_found(options.choice, &tried))
    }
}

impl Engine {
    /// Finds every engine that responds, of either kind, and returns the reason for each place without one. An
    /// installed podman is started only where no podman responds. If a person named an engine, only that one is tried.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`], where the setting or variable with which a person named an engine is invalid.
    pub async fn reachable(options: &ConnectOptions) -> Result<(Vec<Self>, Vec<String>)> {
        let user = rustix::process::geteuid().as_raw();
        let candidates = endpoint::candidates(options, user)?;
        let named = candidates.iter().any(|endpoint| endpoint.explicit);
        let (mut found, mut tried) = (Vec::<Self>::new(), Vec::new());
        for endpoint in candidates {
            match try_endpoint(&endpoint, EngineChoice::Auto, options).await {
                Ok(engine) => found.push(engine),
                Err(error) => tried.push(format!("{endpoint}: {}", reason(&error))),
            }
        }
        if !named && !found.iter().any(|engine| engine.kind() == EngineKind::Podman) {
            let options = ConnectOptions {
                choice: EngineChoice::Podman,
                ..options.clone()
            };
            match start_podman(&options).await {
                Ok(engine) => found.push(engine),
                Err(error) => tried.push(format!("an installed podman: {}", reason(&error))),
            }
        }
        Ok((found, tried))
    }
}

async fn try_endpoint(endpoint: &Endpoint, choice: EngineChoice, options: &ConnectOptions) -> Result<Engine> {
    if !endpoint.socket.try_exists().unwrap_or(true) {
        return Err(Error::new(ErrorKind::Engine, "no such socket"));
    }
    let (api, facts) = greet(&endpoint.socket).await?;
    let wanted = match choice {
        EngineChoice::Auto => facts.kind,
        EngineChoice::Podman => EngineKind::Podman,
        EngineChoice::Docker => EngineKind::Docker,
    };
    if facts.kind != wanted {
        let message = format!("it is {}, and `container.engine` requires {wanted}", facts.kind);
        return Err(Error::new(ErrorKind::Engine, message));
    }
    Ok(Engine::new(api, facts, None, &options.leftovers))
}

async fn start_podman(options: &ConnectOptions) -> Result<Engine> {
    if options.choice == EngineChoice::Docker {
        return Err(Error::new(
            ErrorKind::Engine,
            "not started, because `container.engine` is `docker`",
        ));
    }
    let service = Service::start(options).await?;
    let (api, facts) = greet(&service.socket()).await.map_err(|error| service.explain(error))?;
    Ok(Engine::new(api, facts, Some(service), &options.leftovers))
}

/// Asks the service at `socket` for its identity. Podman names itself in a header of `/_ping`, and is asked nothing
/// more: it takes most of a second to answer `/version`, and as long again for `/info`.
async fn greet(socket: &Path) -> Result<(Docker, EngineFacts)> {
    let ping = ping(socket).await?;
    if let Some(version) = ping.headers.get("Libpod-API-Version") {
        let version = String::from_utf8_lossy(version.as_bytes());
        return Ok((client(socket, &API_VERSIONS[0])?, EngineFacts::podman(socket, &version)));
    }
    let mut refused = None;
    for version in &API_VERSIONS {
        match greet_docker(socket, version).await {
            Ok(found) => return Ok(found),
            Err(error) if error.status == Some(400) => refused = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.map_or_else(
        || {
            Error::new(
                ErrorKind::Engine,
                "the engine supports neither Docker API 1.41 nor 1.44",
            )
        },
        Error::from,
    ))
}

async fn ping(socket: &Path) -> Result<Answer, CallError> {
    let place = format!("`{}`", socket.display());
    match tokio::time::timeout(HELLO, lookup::exchange(socket, "/_ping")).await {
        Ok(Ok(answer)) if answer.status == 200 => Ok(answer),
        Ok(Ok(answer)) => {
            let why = failure::answered(answer.status, "");
            Err(deadline::refused(&place, GREETING, Some(answer.status), why))
        }
        Ok(Err(error)) => Err(deadline::refused(&place, GREETING, None, error)),
        Err(_) => Err(CallError::late(&place, GREETING, HELLO)),
    }
}

async fn greet_docker(socket: &Path, version: &ClientVersion) -> Result<(Docker, EngineFacts), CallError> {
    let place = format!("`{}`", socket.display());
    let api = client(socket, version)?;
    let (answer, info) = tokio::try_join!(
        deadline::within(&place, GREETING, HELLO, api.version()),
        deadline::within(&place, GREETING, HELLO, api.info()),
    )?;
    let facts = EngineFacts::docker(socket, &answer, &info);
    Ok((api, facts))
}

fn client(socket: &Path, version: &ClientVersion) -> Result<Docker, CallError> {
    Docker::connect_with_unix(&socket.to_string_lossy(), NO_LIMIT, version)
        .map_err(|source| deadline::failed(&format!("`{}`", socket.display()), GREETING, source))
}

/// Returns one line with an error and its causes.
fn reason(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// Returns whether the system refused to open the socket.
fn is_denied(error: &Error) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let mut failures = causes.filter_map(|cause| cause.downcast_ref::<Failure>());
    failures.any(Failure::is_denied)
}

fn explicit(endpoint: &Endpoint, error: Error) -> Error {
    let hint = if is_denied(&error) {
        "your user may not use this socket: check its owner, or use rootless podman"
    } else {
        "start the engine that listens there, or remove the setting to have one looked for"
    };
    Error::new(ErrorKind::Engine, format!("cannot use the engine at {endpoint}"))
        .because(error)
        .hint(hint)
}

fn none_found(choice: EngineChoice, tried: &[String]) -> Error {
    let wanted = match choice {
        EngineChoice::Auto => "podman or Docker Engine",
        EngineChoice::Podman => "podman",
        EngineChoice::Docker => "Docker Engine",
    };
    let list = tried.join("\n  ");
    Error::new(
        ErrorKind::Engine,
        format!("no container engine ({wanted}) responds; tried\n  {list}"),
    )
    .hint(
        "install podman (package `podman`, with `catatonit`) or Docker Engine, or name a socket in `container.socket`",
    )
}
