//! What the agent looks for in a prompt.

/// The first block fenced as `script`, without its fences; in the prompt of a review, the first one fenced as `review`, and
/// in that of another stage the first one fenced with its name.
pub(crate) fn script(prompt: &str) -> Option<String> {
    let word = match stage(prompt) {
        Some(name) => name,
        None if is_review(prompt) => "review",
        None => "script",
    };
    let mut lines = prompt.lines();
    let fence = lines.find_map(|line| {
        let fence = line.trim_end().strip_suffix(word)?;
        let fenced = ['`', '~']
            .iter()
            .any(|mark| fence.len() >= 3 && fence.chars().all(|c| c == *mark));
        fenced.then_some(fence)
    })?;
    let body: Vec<&str> = lines.take_while(|line| line.trim_end() != fence).collect();
    Some(body.join("\n"))
}

/// The stage in the first line that reads `Attempt N, stage NAME`.
fn stage(prompt: &str) -> Option<&str> {
    let mut attempts = prompt.lines().filter(|line| line.starts_with("Attempt "));
    attempts.find_map(|line| Some(line.split_once(", stage ")?.1.trim_end()))
}

/// The number in the first line that reads `Attempt N`, `Attempt N, stage NAME` or `Review N`.
pub(crate) fn attempt(prompt: &str) -> Option<u32> {
    let number = |line: &str| {
        let rest = line.strip_prefix("Attempt ").or_else(|| line.strip_prefix("Review "))?;
        rest.split(',').next()?.trim_end().parse().ok()
    };
    prompt.lines().find_map(number)
}

/// Whether the prompt asks for a review.
pub(crate) fn is_review(prompt: &str) -> bool {
    prompt.lines().any(|line| line == "## What to judge")
}

/// Whether the prompt asks for proposals.
pub(crate) fn is_measure(prompt: &str) -> bool {
    prompt.lines().any(|line| line == "## What to propose")
}
