//! How much each check counts, as a deployment sets it.

use scanner::{CheckId, Policies, Policy};

use crate::context::parse;

#[test]
fn a_deployment_says_which_checks_only_monitor() {
    let monitored = Policy {
        enforced: false,
        required: true,
    };
    let expected = Policies::default().with(CheckId::Pdf, monitored);
    assert_eq!(parse(r#"{"pdf": {"enforced": false}}"#), Ok(expected));
    assert_eq!(parse("{}"), Ok(Policies::default()));
}

#[test]
fn what_is_no_check_or_no_policy_keeps_the_function_from_starting() {
    for wrong in [
        r#"{"pfd": {}}"#,
        r#"{"pdf": {"enforce": false}}"#,
        r#"{"pdf": false}"#,
        "",
        "[]",
    ] {
        let refused = parse(wrong).expect_err(wrong);
        assert!(refused.contains("SCAN_POLICIES"), "{refused}");
    }
}
