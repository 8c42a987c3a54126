use super::*;

const SETTINGS: &str = r#"# Ours.
[[cohort]]
name = "test phone"
subjects = ["8 968 648-44-88", "+79990000001"]  # any spelling
stage = "shadow"

[[cohort]]
name = "nobody"
percent = 5
stage = "off"

[default]
stage = "dualwrite" # for now

[repositories.services]
stage = 'off'
"#;

fn rule() -> SubjectRule {
    SubjectRule::for_region("RU").unwrap()
}

fn phones(phones: &[&str]) -> Whom {
    Whom::Subjects(phones.iter().copied().map(str::to_owned).collect())
}

fn told(changes: &[StageChange]) -> Vec<String> {
    let stage = |stage: &Option<String>| stage.clone().unwrap_or_else(|| "-".to_owned());
    let told = changes.iter().map(|change| {
        let StageChange { place, before, after } = change;
        format!("{place}: {} to {}", stage(before), stage(after))
    });
    told.collect()
}

#[test]
fn a_cutover_moves_what_is_mirrored_from_old_and_comes_back_the_same() {
    let (after, changes) = cut_over(SETTINGS, &Whom::Everyone, &rule()).unwrap();
    assert_eq!(
        told(&changes),
        ["cohort test phone: shadow to live", "default: dualwrite to live"]
    );
    let expected = SETTINGS
        .replace(r#"stage = "shadow""#, r#"stage = "live""#)
        .replace(r#"stage = "dualwrite" # for now"#, r#"stage = "live" # for now"#);
    assert_eq!(after, expected);
    let (back, changes) = take_back(&after, SETTINGS, &rule()).unwrap();
    assert_eq!(
        told(&changes),
        ["cohort test phone: live to shadow", "default: live to dualwrite"]
    );
    assert_eq!(back, SETTINGS);
    assert!(matches!(
        take_back(&back, SETTINGS, &rule()),
        Err(NotStaged::NothingAfter)
    ));
}

#[test]
fn what_was_changed_since_the_cutover_stays() {
    let (after, _) = cut_over(SETTINGS, &Whom::Everyone, &rule()).unwrap();
    let changed = after
        .replace("percent = 5", "percent = 7")
        .replace(r#"stage = "live" # for now"#, r#"stage = "rampdown""#);
    let (back, _) = take_back(&changed, SETTINGS, &rule()).unwrap();
    assert!(
        back.contains("percent = 7") && back.contains("[default]\nstage = \"dualwrite\""),
        "{back}"
    );
}

#[test]
fn phones_go_to_a_cohort_of_their_own_and_return_to_theirs() {
    for settings in [
        SETTINGS,
        "default.stage = 'dualwrite'\n",
        "cohort = [{ name = 'x', subjects = ['89990000001'], stage = 'off' }]\ndefault.stage = 'dualwrite'\n",
    ] {
        let (after, changes) = cut_over(settings, &phones(&["89990000001", "+7 999 000-00-01"]), &rule()).unwrap();
        assert_eq!(told(&changes), ["1 subjects: - to live"]);
        let mut document = parse(&after).unwrap();
        assert_eq!(listed(&mut document, COHORT, &rule()).len(), 1, "{after}");
        assert_eq!(after.matches("9990000001").count(), 1, "{after}");
        assert!(matches!(
            cut_over(&after, &phones(&["89990000001"]), &rule()),
            Err(NotStaged::AlreadyThere)
        ));
        let (two, _) = cut_over(&after, &phones(&["89990000002"]), &rule()).unwrap();
        let (one, changes) = take_back(&two, &after, &rule()).unwrap();
        assert_eq!(told(&changes), ["1 subjects: live to -"]);
        assert!(one.contains("9990000001") && !one.contains("9990000002"), "{one}");
        let (back, _) = take_back(&after, settings, &rule()).unwrap();
        assert!(!back.contains(COHORT), "{back}");
        assert_eq!(
            back.matches("9990000001").count(),
            settings.matches("9990000001").count(),
            "{back}"
        );
    }
}

#[test]
fn what_is_not_understood_is_refused_without_a_phone() {
    let refused = |settings: &str, whom: &Whom| cut_over(settings, whom, &rule()).unwrap_err().to_string();
    assert!(refused("rules = []\n", &Whom::Everyone).contains("no `default.stage`"));
    assert!(refused("default.stage = 'off'\n", &Whom::Everyone).contains("nothing stands at"));
    let reason = refused(SETTINGS, &phones(&["89990000001", "12"]));
    assert!(
        reason.starts_with("subject 2 of the list:") && !reason.contains("12"),
        "{reason}"
    );
    let taken = "cohort = [{ name = 'cutover', subjects = [], stage = 'off' }]\ndefault.stage = 'off'\n";
    assert!(refused(taken, &phones(&["89990000001"])).contains("`cutover` does not stand at `live`"));
}
