//! What the agents of an attempt ask: candidates may ask different things, or the same.

use super::attempt::Candidate;
use crate::base::text::normalised_title;

/// A question, and who asks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedBy {
    /// The candidates that ask it, by number; none where the attempt has no candidates.
    pub(crate) candidates: Vec<u32>,
    /// As the first of them puts it.
    pub(crate) question: String,
}

/// Returns the different questions of an attempt's candidates, in their order; where it has none, what its own agent asks. Those
/// that differ in case, spaces and punctuation alone are one.
pub(crate) fn different(own: &str, candidates: &[Candidate]) -> Vec<AskedBy> {
    let mut all: Vec<AskedBy> = Vec::new();
    for one in candidates {
        let Some(question) = &one.question else { continue };
        let is_same = |asked: &&mut AskedBy| normalised_title(&asked.question) == normalised_title(question);
        match all.iter_mut().find(is_same) {
            Some(asked) => asked.candidates.push(one.number),
            None => all.push(AskedBy {
                candidates: vec![one.number],
                question: question.clone(),
            }),
        }
    }
    if all.is_empty() {
        all.push(AskedBy {
            candidates: Vec::new(),
            question: own.to_owned(),
        });
    }
    all
}

/// Returns the text of several questions, each with who asks it; a single one is as it was put.
pub(crate) fn in_one_text(all: &[AskedBy]) -> String {
    if let [one] = all {
        return one.question.clone();
    }
    let told = |asked: &AskedBy| format!("{}: {}", asked.by(), asked.question);
    all.iter().map(told).collect::<Vec<_>>().join("\n\n")
}

/// Returns the text of an answer to each of several questions, with those whose question it answers; to a single one it is as it was
/// put.
pub(crate) fn answers_in_one_text(all: &[AskedBy], answers: &[String]) -> String {
    if let ([_], [answer]) = (all, answers) {
        return answer.clone();
    }
    let told = all
        .iter()
        .zip(answers)
        .map(|(asked, answer)| format!("{}: {}", asked.by(), answer.trim()));
    told.collect::<Vec<_>>().join("\n\n")
}

impl AskedBy {
    /// Returns who asks it: `candidates 1 and 3`.
    fn by(&self) -> String {
        let numbers: Vec<String> = self.candidates.iter().map(ToString::to_string).collect();
        match &numbers[..] {
            [rest @ .., last] if !rest.is_empty() => format!("candidates {} and {last}", rest.join(", ")),
            _ => format!("candidate {}", numbers.join("")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issues::attempt::Outcome;

    fn candidate(number: u32, question: Option<&str>) -> Candidate {
        Candidate {
            number,
            chosen: false,
            outcome: Outcome::Asked,
            reason: String::new(),
            snapshot: None,
            score: None,
            changed: None,
            records: None,
            call: None,
            rounds: Vec::new(),
            stages: Vec::new(),
            red: None,
            summary: None,
            question: question.map(str::to_owned),
        }
    }

    #[test]
    fn each_question_is_told_once_with_those_who_ask_it() {
        let told = |candidates: &[Candidate]| in_one_text(&different("Own?", candidates));
        assert_eq!(told(&[]), "Own?");
        assert_eq!(
            told(&[candidate(1, Some("Which  unit?")), candidate(2, None)]),
            "Which  unit?"
        );
        let same = [candidate(1, Some("Which unit?")), candidate(2, Some("which unit"))];
        assert_eq!(told(&same), "Which unit?");
        let all = [
            &same[..],
            &[candidate(3, Some("Which name?")), candidate(4, Some("Which unit?"))],
        ]
        .concat();
        assert_eq!(
            told(&all),
            "candidates 1, 2 and 4: Which unit?\n\ncandidate 3: Which name?"
        );
        let answers = ["Metres.\n".to_owned(), "Both.".to_owned()];
        assert_eq!(
            answers_in_one_text(&different("Own?", &all), &answers),
            "candidates 1, 2 and 4: Metres.\n\ncandidate 3: Both."
        );
    }
}
