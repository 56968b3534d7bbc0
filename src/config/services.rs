//! Reads `services`: what runs beside agents and gates, each in a container of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::field::{Entry, Field};
use super::image::read_image;
use super::keys::SERVICE;
use super::limits::{read_cpus, read_memory, read_user_of_service};
use super::section::Section;
use super::values::parse_duration;
use super::{Config, Credentials, Image, maps, show};
use crate::base::serialization::or_off;

/// How many services there may be: each has an address of its own, and costs memory.
const MOST: usize = 16;
/// The longest name of a host that is one word.
const LONGEST_NAME: usize = 63;
/// The first number of an address: `127.0.0.1` is the container's own.
const FIRST_NUMBER: u8 = 2;
/// The lowest port at which a program without privileges listens everywhere.
const LOWEST_PORT: u16 = 1024;

/// The services of a configuration, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Services(Vec<ServiceConfig>);

/// One of `services`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceConfig {
    /// Its name, and the name of the host by which it is found.
    #[serde(skip)]
    pub name: String,
    /// The image of its container.
    pub image: Image,
    /// Run by `sh -c`; unset is the image's own command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Environment.
    #[serde(serialize_with = "show::environment")]
    pub env: BTreeMap<String, String>,
    /// The ports at which it listens, on its own loopback.
    pub ports: Vec<u16>,
    /// Run by `sh -c` in its container until it succeeds; unset waits for its ports alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// How long it may take until it can be used.
    #[serde(serialize_with = "show::duration")]
    pub within: Duration,
    /// Folders in memory that it can write, beside `/tmp`, `/var/tmp` and `/run`.
    pub data: Vec<String>,
    /// `UID[:GID]` or a name of its image; unset is the image's own user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Bytes; `None` means no limit.
    #[serde(serialize_with = "show::size_or_off")]
    pub memory: Option<u64>,
    /// Cores; `None` means no limit.
    #[serde(serialize_with = "or_off")]
    pub cpus: Option<f64>,
    /// Processes and threads; `None` means no limit.
    #[serde(serialize_with = "or_off")]
    pub pids: Option<u32>,
    /// Which containers have it.
    #[serde(rename = "for")]
    pub beside: BTreeSet<Beside>,
}

/// A kind of container that services can be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Beside {
    /// The agent of a task.
    Tasks,
    /// A gate.
    Gates,
}

impl Services {
    /// Returns the services, each with the last number of its address, `127.0.0.NUMBER`.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &ServiceConfig)> {
        (FIRST_NUMBER..).zip(&self.0)
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what identifies the services of a kind of container, as they are configured; `None` where it has none.
    pub(crate) fn digest(&self, beside: Beside) -> Option<String> {
        let of_it = self.0.iter().filter(|service| service.beside.contains(&beside));
        let of_it: Vec<_> = of_it
            .map(|service| (&service.name, service, &service.image.name, &service.env))
            .collect();
        if of_it.is_empty() {
            return None;
        }
        let mut hash = sha1_smol::Sha1::new();
        // They have no keys but texts, so that they can always be written.
        hash.update(&serde_json::to_vec(&of_it).unwrap_or_default());
        Some(hash.digest().to_string())
    }

    /// Returns them to be changed.
    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut ServiceConfig> {
        self.0.iter_mut()
    }
}

impl Serialize for Services {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|service| (&service.name, service)))
    }
}

/// Reads `services`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    let credentials = config.agent.credentials;
    let hosts = config.container.hosts.clone();
    top.set("services", &mut config.services, |field| {
        read_services(field, credentials, &hosts)
    });
}

fn read_services(field: &Field<'_>, credentials: Credentials, hosts: &[String]) -> Option<Services> {
    let entries = field.entries("a mapping of name to service")?;
    if entries.len() > MOST {
        return field.refuse(format!("expected at most {MOST} services, found {}", entries.len()));
    }
    let mut services = Vec::new();
    for entry in &entries {
        let name = read_name(entry, hosts);
        let service = read_service(&entry.field, entry.name, credentials);
        services.extend(name.and(service));
    }
    Some(Services(services))
}

/// Checks a name: a host is found by it.
fn read_name(entry: &Entry<'_>, hosts: &[String]) -> Option<()> {
    let name = entry.name;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = (1..=LONGEST_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(good)
        && !name.ends_with('-');
    let message = if !is_name {
        "expected the name of a host: small letters, digits and hyphens, such as `db`".to_owned()
    } else if name == "localhost" || name == "host" {
        format!("`{name}` is the container's own name for itself, or the engine's for its host")
    } else if hosts.iter().any(|host| host.split(':').next() == Some(name)) {
        format!("`{name}` is in `container.hosts`, too")
    } else {
        return Some(());
    };
    entry.refuse(message, None);
    None
}

fn read_service(field: &Field<'_>, name: &str, credentials: Credentials) -> Option<ServiceConfig> {
    let problems = field.report.count();
    let section = Section::open(field, SERVICE)?;
    let mut service = ServiceConfig::unset(name);
    let image = section
        .field("image")
        .map(|field| read_image(field).map(Image::of_service));
    section.set_some("command", &mut service.command, Field::text);
    section.set("env", &mut service.env, |field| {
        field.assignments(&|name, value| match name {
            // It has a home of its own.
            "HOME" => None,
            _ => maps::variable(credentials, name, value),
        })
    });
    let ports = section.field("ports").map(read_ports);
    section.set_some("ready", &mut service.ready, Field::text);
    section.set("within", &mut service.within, |field| field.duration(""));
    section.set("data", &mut service.data, |field| {
        field.list("a list of folders in the container", read_folder)
    });
    section.set_some("user", &mut service.user, read_user_of_service);
    section.set_limit("memory", &mut service.memory, read_memory);
    section.set_limit("cpus", &mut service.cpus, read_cpus);
    section.set_limit("pids", &mut service.pids, |field| field.small_count_or_off(4_194_304));
    section.set("for", &mut service.beside, read_beside);
    if image.is_none() {
        field.refuse_with::<()>("expected an `image`", "write `image: NAME`, or `image: {build: …}`");
    }
    if ports.is_none() {
        field.refuse_with::<()>("expected `ports`", "write where it listens, such as `ports: [5432]`");
    }
    if field.report.count() > problems {
        return None;
    }
    service.image = image??;
    service.ports = ports??;
    Some(service)
}

impl ServiceConfig {
    /// Builds a service that has what the table of keys says of one without any key.
    fn unset(name: &str) -> Self {
        let key = |name: &str| {
            SERVICE
                .iter()
                .find(|key| key.name == name)
                .map_or("", |key| key.default)
        };
        Self {
            name: name.to_owned(),
            image: Image::default(),
            command: None,
            env: BTreeMap::new(),
            ports: Vec::new(),
            ready: None,
            within: parse_duration(key("within")).unwrap_or_default(),
            data: vec!["/data".to_owned()],
            user: None,
            memory: super::values::parse_size(key("memory")),
            cpus: None,
            pids: key("pids").parse().ok(),
            beside: BTreeSet::from([Beside::Tasks, Beside::Gates]),
        }
    }
}

fn read_ports(field: &Field<'_>) -> Option<Vec<u16>> {
    const WHAT: &str = "a list of ports";
    let mut ports = Vec::new();
    for item in field.items(WHAT)? {
        match item.plain().and_then(|text| text.parse::<u16>().ok()) {
            Some(port) if ports.contains(&port) => item.refuse::<()>(format!("port {port} is given twice")),
            Some(port) if port >= LOWEST_PORT => {
                ports.push(port);
                None
            }
            _ => item.expected::<()>(&format!(
                "a port from {LOWEST_PORT} to 65535 (nothing listens below without privileges)"
            )),
        };
    }
    if ports.is_empty() && field.items(WHAT)?.is_empty() {
        return field.refuse_with(
            "expected at least one port",
            "write where the service listens, such as `[5432]`",
        );
    }
    Some(ports)
}

/// Reads a folder that gets a file system in memory.
fn read_folder(field: &Field<'_>) -> Option<String> {
    let path = field.container_path()?;
    let ours = [
        "/proc",
        "/sys",
        "/dev",
        "/run/cordwainer",
        "/etc",
        "/usr",
        "/bin",
        "/lib",
        "/sbin",
    ];
    let is_ours = |ours: &str| path == *ours || path.strip_prefix(ours).is_some_and(|rest| rest.starts_with('/'));
    match ours.into_iter().find(|ours| is_ours(ours)) {
        Some(ours) => field.refuse(format!("`{ours}` is the container's own")),
        None if path == "/" => field.refuse("expected a folder below `/`"),
        None => Some(path),
    }
}

fn read_beside(field: &Field<'_>) -> Option<BTreeSet<Beside>> {
    let choices = [("tasks", Beside::Tasks), ("gates", Beside::Gates)];
    let beside = field.list("a list of `tasks` and `gates`", |item| item.choice(&choices))?;
    if beside.is_empty() && field.items("")?.is_empty() {
        return field.refuse_with("expected `tasks`, `gates` or both", "leave the key out for both");
    }
    Some(beside.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DB: &str = "{image: pg:1, ports: [5432]}";

    fn read(text: &str) -> Result<Config, String> {
        Config::parse(text, "test").map_err(|problems| problems.to_string())
    }

    #[test]
    fn what_is_left_out_has_the_defaults_of_the_table() {
        let config = read(&format!("services: {{db: {DB}}}")).unwrap();
        let (number, db) = config.services.iter().next().unwrap();
        assert_eq!((number, db.name.as_str(), db.image.name.as_str()), (2, "db", "pg:1"));
        assert_eq!(
            (db.within, db.memory, db.pids),
            (Duration::from_secs(60), Some(1 << 30), Some(512))
        );
        assert_eq!((db.cpus, db.data.as_slice()), (None, &["/data".to_owned()][..]));
        assert_eq!(db.beside.len(), 2);
        for key in SERVICE {
            assert!(
                key.default.is_empty() || !key.sample.is_empty() || !key.about.is_empty(),
                "{}",
                key.name
            );
        }
    }

    #[test]
    fn the_order_of_the_file_is_that_of_the_addresses_and_reads_back() {
        let text = format!(
            "services:\n  queue: {{image: {{build: {{packages: [redis-server]}}}}, ports: [6379, 6380], cpus: 1.5, \
             ready: redis-cli ping, within: 1m30s, for: [gates], env: {{A: b}}, user: \"101\", pids: off, \
             memory: 256m, data: [/var/lib/redis], command: redis-server}}\n  db: {DB}\n"
        );
        let config = read(&text).unwrap();
        let found: Vec<_> = config
            .services
            .iter()
            .map(|(number, service)| (number, &*service.name))
            .collect();
        assert_eq!(found, [(2, "queue"), (3, "db")]);
        let queue = config.services.iter().next().unwrap().1;
        assert!(
            queue.image.name.starts_with("localhost/cordwainer-service:"),
            "{:?}",
            queue.image
        );
        assert_eq!(queue.beside, BTreeSet::from([Beside::Gates]));
        let shown = serde_json::to_string(&config).unwrap();
        assert_eq!(read(&shown).unwrap(), config);
        let of_gates = config.services.digest(Beside::Gates);
        assert!(of_gates.is_some() && of_gates != config.services.digest(Beside::Tasks));
        assert_eq!(
            read(&text.replace("A: b", "A: c"))
                .unwrap()
                .services
                .digest(Beside::Tasks),
            config.services.digest(Beside::Tasks)
        );
        assert_ne!(
            read(&text.replace("A: b", "A: c"))
                .unwrap()
                .services
                .digest(Beside::Gates),
            of_gates
        );
        assert_eq!(read("").unwrap().services.digest(Beside::Gates), None);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_with_its_place() {
        let text = "services:\n  Db: {image: a, ports: [5432]}\n  q:\n    imag: x\n    ports: [80, 6379, 6379, x]\n    \
                    within: soon\n    memory: 1k\n    for: [measure]\n    data: [/proc/x, data]\n    env: {ANTHROPIC_API_KEY: k}\n  \
                    r: {image: a, ports: [], for: []}\n  localhost: {image: {build: {}}, ports: [2000]}\n";
        let told = read(text).unwrap_err();
        let expect = [
            "test:2:3: services.Db: expected the name of a host",
            "test:4:5: services.q.imag: unknown key (did you mean `image`?)",
            "test:4:5: services.q: expected an `image`",
            "services.q.ports[0]: expected a port from 1024",
            "services.q.ports[2]: port 6379 is given twice",
            "services.q.ports[3]: expected a port",
            "services.q.within: expected a time",
            "services.q.memory: expected a size",
            "services.q.for[0]: expected one of `tasks`, `gates`",
            "services.q.data[0]: `/proc` is the container's own",
            "services.q.data[1]: expected",
            "services.q.env.ANTHROPIC_API_KEY: ",
            "services.r.ports: expected at least one port",
            "services.r.for: expected `tasks`, `gates` or both",
            "services.localhost: `localhost` is the container's own name",
            "services.localhost.image.build: expected one of",
        ];
        for line in expect {
            assert!(told.contains(line), "{line} is not in:\n{told}");
        }
        let both = "container: {hosts: [\"db:10.0.0.1\"]}\nservices: {db: {image: a, ports: [5432]}}";
        assert!(read(both).unwrap_err().contains("`db` is in `container.hosts`, too"));
        let many: Vec<String> = (0..17).map(|number| format!("s{number}: {DB}")).collect();
        let told = read(&format!("services: {{{}}}", many.join(", "))).unwrap_err();
        assert!(told.contains("at most 16 services, found 17"), "{told}");
    }
}
