//! Services for the tests: PostgreSQL and Redis, in the image that the test command makes of Debian's packages.

/// The image with both, the entrypoint and the scripted agent.
pub(crate) const IMAGE: &str = "localhost/cordwainer-test-services:latest";

/// The lines of a service called `db`.
pub(crate) const DB: &str = "  db:
    image: localhost/cordwainer-test-services:latest
    command: initdb --username=app --auth=trust --encoding=UTF8 --no-sync /data/db && exec postgres -D /data/db -k /tmp -c fsync=off
    ports: [5432]
    ready: psql -h 127.0.0.1 -U app -d postgres -c 'select 1'
";

/// The lines of a service called `queue`.
pub(crate) const QUEUE: &str = "  queue:
    image: localhost/cordwainer-test-services:latest
    command: redis-server --save '' --dir /data
    ports: [6379]
    ready: redis-cli ping
    memory: 256m
";

/// The lines of a service called `odd` that runs a command, listens where it may, and has little time.
pub(crate) fn odd(command: &str, more: &str) -> String {
    format!(
        "  odd:\n    image: {IMAGE}\n    command: {}\n    ports: [7000]\n    within: 6s\n    memory: 64m\n    pids: 32\n{more}",
        serde_json::Value::from(command)
    )
}

/// A configuration with these services, whose agents and gates run in the same image.
pub(crate) fn configuration(services: &str, rest: &str) -> String {
    format!("image: {IMAGE}\nservices:\n{services}retry: {{initial: 1s, ceiling: 1s, count: 1}}\n{rest}")
}
