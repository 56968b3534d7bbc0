//! Scripts for the scripted agent, and what an agent proposes.

use serde_json::{Value, json};

/// A script as the scripted agent looks for it.
pub(crate) fn scripted(script: &str) -> String {
    format!("~~~script\n{}\n~~~", script.trim_end())
}

/// The steps by which an agent waits until a test lets it go on.
pub(crate) const WAIT: &str = "fifo go\nappend go x\n";

/// The steps by which an agent waits that cannot write its worktree.
pub(crate) const WAIT_BESIDE: &str = "fifo /run/cordwainer/git/go\nappend /run/cordwainer/git/go x\n";

/// A valid proposal whose task is this script.
pub(crate) fn proposal(key: &str, title: &str, depends_on: &[&str], script: &str) -> Value {
    json!({
        "key": key, "title": title, "description": scripted(script), "required_reading": ["docs/specification.md"],
        "files": [{"path": "src/a.txt", "action": "create"}], "requirements": ["It is done."],
        "acceptance_criteria": ["One sees it."], "estimated_lines": 10, "priority": 2, "depends_on": depends_on,
    })
}

/// The step by which an agent ends with a last word.
pub(crate) fn last_word(word: &Value) -> String {
    format!("answer <<END\nAll is done.\n\n```json\n{word}\n```\nEND")
}

/// The configuration by which measure's agent finds a script.
pub(crate) fn user_prompt(script: &str) -> String {
    format!("user_prompt: |\n  {}\n", scripted(script).replace('\n', "\n  "))
}

/// The step by which an agent asks the model about this, through its gateway.
pub(crate) fn asks(about: &str) -> String {
    let message = json!({"role": "user", "content": about});
    let body = json!({"model": "claude-sonnet-5-5", "max_tokens": 10, "messages": [message]}).to_string();
    let head = format!(
        r"POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-api-key: {{token}}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    format!("attack request 127.0.0.1:8080 {about} <<END\n{head}{body}\nEND\n")
}
