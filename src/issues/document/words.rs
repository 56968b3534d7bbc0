//! Words that documents of the kinds have, in the languages that are known: English best, and what headings say in German,
//! French, Spanish and a few others. All are in lower case; lists have a bar between words.

/// Returns whether a text has one of the words or phrases, each as a whole; one that ends with `*` may go on, and one of a
/// script without spaces may stand anywhere.
pub(super) fn has(text: &str, words: &str) -> bool {
    words.split('|').any(|word| place(text, word).is_some())
}

/// Returns whether a text begins with one of the words, or has one of a script without spaces.
pub(super) fn begins(text: &str, words: &str) -> bool {
    let text = text.trim_start();
    words.split('|').any(|word| {
        let place = place(text, word);
        place == Some(0) || place.is_some() && is_wide(word)
    })
}

/// Returns whether a word is of a script that has no spaces between words.
fn is_wide(word: &str) -> bool {
    word.chars().any(|letter| letter >= '\u{2e80}')
}

fn place(text: &str, word: &str) -> Option<usize> {
    let (word, is_open) = word.strip_suffix('*').map_or((word, false), |word| (word, true));
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        is_wide(word) || !before.is_some_and(is_letter) && (is_open || !after.is_some_and(is_letter))
    })
}

pub(super) const DONE: &str = "\
    done|completed|complete|finished|shipped|accomplishments|accomplished|achievements|released|closed|\
    delivered|merged|resolved|erledigt|fertig|abgeschlossen|terminé*|fait|hecho*|completad*|完了|已完成";
pub(super) const DOING: &str = "\
    in progress|doing|ongoing|wip|blocked|under way|underway|started|in arbeit|en cours|en curso|進行中";
pub(super) const OPEN: &str = "\
    todo|to do|to-do|todos|tasks|task list|next|next steps|next week|plans for*|planned|upcoming|backlog|open|\
    action items|actions|remaining|later|future|icebox|ideas|aufgaben|offen*|nächste*|à faire|tâches|tareas|\
    pendientes|タスク|待办";
pub(super) const REQUIREMENTS: &str = "\
    requirement*|features|functional|non-functional|user stories|must have|should have|could have|\
    detailed design|proposal|behaviour|behavior|anforderung*|funktionen|exigences|fonctionnalités|requisitos|\
    funcionalidades|deliverables|scope of work|要件|需求";
pub(super) const BUGS: &str = "\
    bugs|bug list|known issues|known bugs|known problems|defects|fehler|bekannte fehler|bogues|errores|バグ|缺陷";
pub(super) const CASES: &str = "\
    test case*|test cases|test scenarios|scenarios|checks|checklist|testfälle|cas de test|casos de prueba";
/// What belongs to an item, or to no item at all.
pub(super) const ASIDE: &str = "\
    out of scope|non-goals|non goals|nongoals|not in scope|nicht-ziele|hors périmètre|fuera de alcance|\
    acceptance criteria|acceptance|akzeptanzkriterien|exit criteria|entry criteria|alternatives|risks|risiken|\
    risques|riesgos|unresolved questions|open questions|questions|references|links|see also|related|license|\
    licence|lizenz|install|installation|usage|getting started|introduction|overview|background|motivation|\
    context|problem|glossary|definitions|environment|umgebung|environnement|steps to reproduce|to reproduce|\
    how to reproduce*|reproduction|steps|schritte*|étapes*|pasos*|expected*|erwartet*|actual*|tatsächlich*|\
    comportement*|attendees|present|participants|stakeholders|assumptions|constraints|notes|contributing|\
    goals|ziele|summary|authors|metrics";
pub(super) const REPRODUCE: &str = "\
    steps to reproduce|to reproduce|how to reproduce|reproduction|reproduce|schritte zum reproduzieren|\
    reproduzieren|étapes pour reproduire|pasos para reproducir|再現手順";
pub(super) const EXPECTED: &str = "\
    expected|did you expect|should happen|erwartet*|attendu*|esperado*|期待*|expected behavior";
pub(super) const ACTUAL: &str = "\
    actual|observed|what happened|what happens|tatsächlich*|observé*|actual behavior|real|obtenido";
pub(super) const SEVERITY: &str = "severity|priority|schweregrad|priorität|sévérité|priorité|gravedad";

/// Priorities by their words.
pub(super) const PRIORITIES: &[(&str, u8)] = &[
    ("critical", 0),
    ("blocker", 0),
    ("urgent", 0),
    ("highest", 0),
    ("showstopper", 0),
    ("kritisch", 0),
    ("critique", 0),
    ("crítico", 0),
    ("p0", 0),
    ("high", 1),
    ("major", 1),
    ("hoch", 1),
    ("haute", 1),
    ("alta", 1),
    ("must have", 1),
    ("must", 1),
    ("p1", 1),
    ("important", 1),
    ("medium", 2),
    ("normal", 2),
    ("moderate", 2),
    ("mittel", 2),
    ("moyenne", 2),
    ("media", 2),
    ("should have", 2),
    ("should", 2),
    ("p2", 2),
    ("low", 3),
    ("minor", 3),
    ("niedrig", 3),
    ("basse", 3),
    ("baja", 3),
    ("could have", 3),
    ("could", 3),
    ("nice to have", 3),
    ("p3", 3),
    ("trivial", 4),
];

/// What makes a sentence a requirement.
pub(super) const MODAL: &str = "\
    must|shall|should|has to|is required to|muss|müssen|soll|sollen|doit|doivent|debe|deben";
pub(super) const BUG_WORDS: &str = "\
    fix|fixes|fixed|bug|bugs|crash|crashes|crashed|broken|wrong|wrongly|incorrect|incorrectly|regression|leak|\
    leaks|hangs|panics|fails|off by one|off-by-one|correct the|data loss|fehler|beheben|absturz|corriger|\
    corregir|bogue|不具合|バグ|修复|misplaced|error in";
/// What begins a chore.
pub(super) const CHORE_VERBS: &str = "\
    update|upgrade|bump|document|refactor|rename|extract|split|move|remove|clean up|replace|reorganize|\
    simplify|deduplicate|inline|migrate|delete|drop|tidy|restructure|modernize|dokumentieren|aktualisieren|\
    mettre à jour|actualizar";
/// What makes something a chore wherever it stands.
pub(super) const CHORE_WORDS: &str = "docs|documentation|readme|dependencies|lint|changelog|guide|ci";
pub(super) const FEATURE_WORDS: &str = "\
    add a|add an|add support|add the|add|support|implement|introduce|allow|enable|show|provide|as a|as an|\
    i want|hinzufügen|unterstützen|ajouter|añadir|agregar|追加|実装|添加|支持";
/// Work on tests, which is a task of its own.
pub(super) const TEST_WORDS: &str = "add tests|write tests|test the|tests for|add a test|test coverage";
/// Words of a title, or of the first sentence, that ask for work of a mode.
pub(super) const REFACTOR: &str = "\
    refactor*|technical debt|tech debt|clean up|cleanup|restructur*|refaktorisierung|code health|moderni*|\
    aufräumen";
pub(super) const AUDIT: &str = "\
    audit|security review|penetration test|threat model|security assessment|sicherheitsprüfung|auditoría|\
    セキュリティ監査";
pub(super) const REVIEW: &str = "code review|please review|review of|peer review|code-review";
pub(super) const FEATURE_TITLE: &str = "\
    feature request|feature proposal|proposal|rfc|enhancement|change request|improvement|rep|adr";
/// Words of titles, by the kind of document that they name.
pub(super) const OF_TEST_PLAN: &str = "\
    test plan|test strategy|test cases|test specification|test scenarios|testplan|qa|plan de test|\
    plan de pruebas|テスト計画";
pub(super) const OF_STATUS: &str = "\
    status|weekly|monthly|progress report|status report|standup|stand-up|changelog|release notes|meeting|\
    minutes|retrospective|sprint review|statusbericht|wochenbericht|protokoll|compte rendu|informe|進捗|周报";
pub(super) const OF_BACKLOG: &str = "\
    backlog|todo|to do|to-do|tasks|task list|roadmap|bugs|known issues|open issues|issues|epic|user stories|\
    stories|board|kanban|technical debt|tech debt|refactoring plan|milestones|wishlist|wish list|ideas|\
    aufgaben|aufgabenliste|tareas|tâches|タスク|待办";
pub(super) const OF_SPECIFICATION: &str = "\
    spec|specification|requirements|requirements document|prd|srs|rfc|design document|design doc|proposal|\
    feature request|lastenheft|pflichtenheft|anforderungen|cahier des charges|requisitos|especificación|\
    spécification|scope|仕様|规格";
pub(super) const OF_BUG: &str = "\
    bug report|bug|crash|crashes|regression|fehlerbericht|rapport de bogue";
/// What specifications have beside requirements.
pub(super) const BESIDE_REQUIREMENTS: &str = "\
    non-goals|out of scope|nicht-ziele|motivation|goals|purpose|scope|alternatives|unresolved questions|\
    assumptions|stakeholders|ziele";
/// Titles of lists whose items are features unless they say otherwise.
pub(super) const FEATURE_LISTS: &str = "roadmap|backlog|stories|features|board|kanban|epic|ideas|wishlist";
/// What a person writes in a column or in brackets for a type.
pub(super) const TYPE_NAMES: &[(&str, &str)] = &[
    ("bug", "bug"),
    ("defect", "bug"),
    ("fix", "bug"),
    ("feature", "feature"),
    ("feat", "feature"),
    ("enhancement", "feature"),
    ("improvement", "feature"),
    ("story", "feature"),
    ("user story", "feature"),
    ("chore", "chore"),
    ("documentation", "chore"),
    ("docs", "chore"),
    ("maintenance", "chore"),
    ("refactoring", "chore"),
    ("tech debt", "chore"),
    ("epic", "epic"),
    ("task", "task"),
    ("test", "task"),
    ("spike", "task"),
];
/// What a cell says of something that is done.
pub(super) const DONE_CELLS: &str = "\
    done|complete|completed|closed|finished|merged|fixed|released|shipped|pass|passed|ok|yes|resolved|\
    implemented|erledigt|fertig|terminé|hecho|完了|已完成";
/// How a user story begins, and what it has then.
pub(super) const STORY: &str = "as a|as an|as the|als|en tant que|en tant qu*|como";
pub(super) const WANTS: &str = "i want|i can|i need|i would like|möchte ich|je veux|quiero";
