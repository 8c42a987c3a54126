use serde::Serialize;
use serde_json::Value;
use turnout_backends::KeptEvidence;

/// What came out of a piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Its number.
    pub number: i64,
    /// When it was kept, in RFC 3339.
    pub at: String,
    /// What kind it is: `verify`, say.
    pub kind: String,
    /// Whether it came out well; `None` if it does not say.
    pub passed: Option<bool>,
    /// What came out, in words.
    pub summary: String,
}

impl Proof {
    pub(crate) fn of(kept: &KeptEvidence) -> Self {
        let result = serde_json::from_str(kept.result.get()).unwrap_or_default();
        let (passed, summary) = match kept.kind.as_str() {
            "verify" => verified(&result),
            "baseline" => measured(&result),
            "drill" => rehearsed(&result),
            "preflight" => looked(&result),
            _ => (result["passed"].as_bool(), String::new()),
        };
        Self {
            number: kept.number,
            at: kept.at.clone(),
            kind: kept.kind.clone(),
            passed,
            summary,
        }
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn verified(result: &Value) -> (Option<bool>, String) {
    let proofs = items(result);
    let with = |verdict: &str| proofs.iter().filter(|proof| proof["verdict"] == verdict).count();
    let different: u64 = proofs.iter().filter_map(|proof| proof["different"].as_u64()).sum();
    let rows: u64 = proofs.iter().filter_map(|proof| proof["rows"]["new"].as_u64()).sum();
    let summary = format!(
        "{} of {} repositories equal, {rows} rows, {different} differ",
        with("equal"),
        proofs.len()
    );
    let passed = match (with("different"), with("unknown")) {
        (0, 0) => Some(true),
        (0, _) => None,
        _ => Some(false),
    };
    (passed, summary)
}

fn measured(result: &Value) -> (Option<bool>, String) {
    let slower: Vec<&str> = items(&result["slower"]).iter().filter_map(Value::as_str).collect();
    let measured = items(&result["operations"]).len();
    let summary = match &slower[..] {
        [] => format!("{measured} operations, none is slower on new"),
        _ => format!("{measured} operations, slower on new: {}", slower.join(", ")),
    };
    (Some(slower.is_empty()), summary)
}

fn rehearsed(result: &Value) -> (Option<bool>, String) {
    let failed = items(&result["criteria"])
        .iter()
        .filter(|criterion| criterion["passed"] != Value::Bool(true));
    let failed: Vec<&str> = failed.filter_map(|criterion| criterion["name"].as_str()).collect();
    let seconds = result["seconds"].as_f64().unwrap_or_default();
    let mut summary = format!("there and back in {seconds:.2} s");
    if !failed.is_empty() {
        summary.push_str("; failed: ");
        summary.push_str(&failed.join(", "));
    }
    (result["passed"].as_bool(), summary)
}

fn looked(result: &Value) -> (Option<bool>, String) {
    let findings = items(&result["findings"]);
    let blocking = findings
        .iter()
        .filter(|finding| finding["severity"] == "blocks")
        .count();
    let summary = format!("{blocking} findings block, {} warn", findings.len() - blocking);
    (Some(blocking == 0), summary)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn proof(kind: &str, result: &Value) -> (Option<bool>, String) {
        let kept: KeptEvidence = serde_json::from_value(json!({
            "number": 1, "at": "2026-01-01T00:00:00Z", "kind": kind, "host": "", "version": "", "epoch": null, "repositories": [],
            "result": null,
        }))
        .unwrap();
        let result = serde_json::value::to_raw_value(result).unwrap();
        let Proof { passed, summary, .. } = Proof::of(&KeptEvidence { result, ..kept });
        (passed, summary)
    }

    #[test]
    fn what_came_out_is_said_in_words() {
        let rows = |new: u64| json!({"old": new, "new": new});
        let verified = json!([
            {"verdict": "equal", "different": 0, "rows": rows(3)}, {"verdict": "different", "different": 2, "rows": rows(4)},
        ]);
        assert_eq!(
            proof("verify", &verified),
            (Some(false), "1 of 2 repositories equal, 7 rows, 2 differ".to_owned())
        );
        let measured = json!({"operations": [{}, {}], "slower": ["lookup"]});
        assert_eq!(
            proof("baseline", &measured),
            (Some(false), "2 operations, slower on new: lookup".to_owned())
        );
        let rehearsed = json!({"passed": true, "seconds": 0.25, "criteria": [{"name": "a", "passed": true}]});
        assert_eq!(
            proof("drill", &rehearsed),
            (Some(true), "there and back in 0.25 s".to_owned())
        );
        let looked = json!({"findings": [{"severity": "blocks"}, {"severity": "warns"}], "tables": []});
        assert_eq!(
            proof("preflight", &looked),
            (Some(false), "1 findings block, 1 warn".to_owned())
        );
        assert_eq!(proof("of a later version", &json!("?")), (None, String::new()));
    }
}
