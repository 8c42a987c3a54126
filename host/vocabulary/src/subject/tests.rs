use super::*;

fn phones() -> SubjectRule {
    SubjectRule::for_region("RU").unwrap()
}

fn rule(kind: SubjectKind) -> SubjectRule {
    SubjectRule::of_kind(kind, "RU").unwrap()
}

#[test]
fn every_spelling_of_a_phone_is_one_subject() {
    let rule = phones();
    for spelling in [
        "89686484488",
        "+7 968 648-44-88",
        "79686484488",
        " 7 968 648-44-88",
        "8 (968) 648 44 88",
        "８９６８６４８４４８８",
        "＋７（９６８）６４８－４４－８８",
        "٨٩٦٨٦٤٨٤٤٨٨",
        "\u{202d}+7 968 648 44 88\u{202c}",
        "𝟴𝟵𝟲𝟴𝟲𝟰𝟴𝟰𝟰𝟴𝟴",
    ] {
        for _again in 0..2 {
            assert_eq!(rule.normalise(spelling).unwrap().as_str(), "+79686484488", "{spelling}");
        }
    }
    for other in ["", "hello", "+", "drop table"] {
        let refused = NotASubject::Other(SubjectKind::Phone);
        assert_eq!(rule.normalise(other), Err(refused), "{other}");
    }
}

#[test]
fn a_phone_that_lacks_a_digit_or_has_one_too_many_is_refused_where_a_person_wrote_it() {
    let rule = phones();
    for (number, whole) in [
        ("89686484488", true),
        ("+7 999 000-11-11", true),
        ("+7 701 123 45 67", true),
        ("8968648448", false),
        ("896864844881", false),
        ("+49 30 901820", true),
        ("+1 212 555 01", false),
    ] {
        let said = match rule.normalise_written(number) {
            Ok(_) => true,
            Err(error) => error != NotASubject::NotInNumberingPlan,
        };
        assert_eq!(said, whole, "{number}");
    }
}

#[test]
fn every_spelling_of_an_email_address_is_one_subject() {
    let rule = rule(SubjectKind::Email);
    for spelling in ["Anna@Example.com", " anna@example.com\n", "ANNA@EXAMPLE.COM"] {
        assert_eq!(
            rule.normalise(spelling).unwrap().as_str(),
            "anna@example.com",
            "{spelling:?}"
        );
    }
    for (address, normalised) in [
        ("a.n.na+x@example.com", "a.n.na+x@example.com"),
        ("\"a@b\"@example.com", "\"a@b\"@example.com"),
        ("Анна@Пример.рф", "анна@пример.рф"),
    ] {
        assert_eq!(rule.normalise(address).unwrap().as_str(), normalised);
    }
    for other in [
        "",
        "anna",
        "@example.com",
        "anna@",
        "anna smith@example.com",
        "a\u{0}@b.com",
        "+79686484488",
    ] {
        assert!(rule.normalise(other).is_err(), "{other:?}");
    }
}

#[test]
fn every_spelling_of_a_uuid_that_postgresql_reads_is_one_subject() {
    let rule = rule(SubjectKind::Uuid);
    for spelling in [
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
        " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11  ",
    ] {
        let subject = rule.normalise(spelling).unwrap();
        assert_eq!(subject.as_str(), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{spelling}");
    }
    for other in [
        "",
        "-",
        "{}",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a112",
        "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
        "-a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-",
        "a0e-ebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ] {
        assert_eq!(
            rule.normalise(other),
            Err(NotASubject::Other(SubjectKind::Uuid)),
            "{other}"
        );
    }
}

#[test]
fn a_text_is_a_subject_as_it_is() {
    let rule = rule(SubjectKind::Text);
    for text in [" Anna ", "anna", "89686484488", "e\u{301}", "é"] {
        assert_eq!(rule.normalise(text).unwrap().as_str(), text);
    }
    assert!(rule.normalise("").is_err());
}

#[test]
fn made_up_subjects_are_subjects_in_their_one_spelling_and_differ() {
    for kind in [
        SubjectKind::Phone,
        SubjectKind::Email,
        SubjectKind::Uuid,
        SubjectKind::Text,
    ] {
        let rule = rule(kind);
        let mut seen = std::collections::HashSet::new();
        for number in 0..2000 {
            let subject = rule.made_up(number);
            assert_eq!(
                rule.normalise(subject.as_str()).as_ref(),
                Ok(&subject),
                "{kind} {number}"
            );
            assert!(seen.insert(subject), "{kind} {number}");
        }
    }
}

#[test]
fn a_region_must_exist() {
    assert!(SubjectRule::for_region("XX").is_none());
    assert_eq!(rule(SubjectKind::Uuid).region(), None);
}

#[test]
fn a_subject_hides_itself_from_logs() {
    assert_eq!(
        format!("{:?}", phones().normalise("89686484488").unwrap()),
        "Subject(…)"
    );
}
