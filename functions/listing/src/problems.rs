//! What the rules refuse, as problem documents: the one place of this function that names codes and says what to do.

use shared::http::{FieldError, Problem};
use shared::listing::rescan::EnforceError;
use shared::listing::{
    Act, AppealError, CaseError, Flaw, ListedError, ListingError, MAX_REPLIES, PublishError, ReplyError, ReviewError,
    Status, SubmitError, UploadError, Version, YankError,
};

pub(crate) fn flawed(flaws: Vec<Flaw>) -> Problem {
    Problem::invalid(
        flaws
            .into_iter()
            .map(|flaw| FieldError::new(flaw.pointer, flaw.detail))
            .collect(),
    )
}

pub(crate) fn listing(error: ListingError) -> Problem {
    match error {
        ListingError::Invalid(flaws) => flawed(flaws),
        ListingError::TooManyVersions => {
            Problem::conflict("too_many_versions", format!("{error}. Create another listing."))
        }
    }
}

pub(crate) fn number_taken(number: &str) -> Problem {
    let detail =
        format!("This listing has a version {number} already, and a number is used once. Choose a higher one.");
    Problem::refused("version_number_taken", "/number", detail)
}

pub(crate) fn upload(error: UploadError) -> Problem {
    match error {
        UploadError::Invalid(flaws) => flawed(flaws),
        UploadError::Closed(status) => {
            let what_to_do = match status {
                Status::Scanning => "Wait for the scan to end.",
                Status::Passed => "Hand it in, or create another version for other bytes.",
                Status::Submitted => "Wait for the decision.",
                _ => "Create another version.",
            };
            Problem::conflict(
                "version_not_open",
                format!("The version is {}. {what_to_do}", spoken(status)),
            )
        }
        UploadError::AppealOpen(appeal) => Problem::conflict(
            "appeal_open",
            format!(
                "The appeal {appeal} about this version waits for its decision. Wait for it, or create another version."
            ),
        ),
    }
}

pub(crate) fn submit(error: SubmitError) -> Problem {
    match error {
        SubmitError::NotPassed(status) => {
            let what_to_do = match status {
                Status::Draft => "Upload its package first.",
                Status::Scanning => "Wait for the scan to end.",
                Status::Quarantined => "Wait for the moderator who looks at it, or upload another package.",
                Status::Rejected | Status::Errored => "Read the version's checks, then upload another package.",
                Status::ChangesRequested => "Upload a package with the changes first.",
                _ => "It has been handed in before.",
            };
            Problem::conflict(
                "scan_not_passed",
                format!("The version is {}. {what_to_do}", spoken(status)),
            )
        }
        // The flaws are the listing's, not the request's.
        SubmitError::Content(flaws) => {
            let flaws: Vec<_> = flaws
                .iter()
                .map(|flaw| format!("{} {}", flaw.pointer, flaw.detail))
                .collect();
            Problem::conflict(
                "listing_incomplete",
                format!("Change the listing first: {}.", flaws.join("; ")),
            )
        }
    }
}

pub(crate) fn review(error: ReviewError) -> Problem {
    match error {
        ReviewError::Invalid(flaws) => flawed(flaws),
        ReviewError::Case(error) => case(error),
        ReviewError::AlreadyDecided(act) => already_decided(act),
        ReviewError::NotCurrent => Problem::conflict(
            "not_in_review",
            "The version is not what waits here: something else has become of it. Read it again.",
        ),
    }
}

pub(crate) fn already_decided(act: Act) -> Problem {
    let detail = format!("The decision about this submission was \"{act}\", and it is made once.");
    Problem::conflict("already_decided", detail)
}

pub(crate) fn close(error: ReviewError) -> Problem {
    match error {
        ReviewError::NotCurrent => {
            let detail = "Only reports are closed here. Decide about what else waits at the path that the case names.";
            Problem::conflict("not_a_report", detail)
        }
        other => review(other),
    }
}

pub(crate) fn listed(error: ListedError) -> Problem {
    match error {
        ListedError::Review(error) => review(error),
        ListedError::NotNow { act, status } => {
            let what_can_be = match status {
                Status::Published | Status::Yanked => "It can be suspended or taken down.",
                Status::Suspended => "It can be reinstated or taken down.",
                Status::TakenDown => "Only an upheld appeal brings it back.",
                _ => "It has not been published.",
            };
            let act = act.to_string().replace('_', " ");
            let detail = format!(
                "The version is {}, so \"{act}\" is nothing to be done about it. {what_can_be}",
                spoken(status)
            );
            Problem::conflict("not_now", detail)
        }
        ListedError::NotLive => Problem::internal(error),
    }
}

pub(crate) fn appeal(error: AppealError) -> Problem {
    match error {
        AppealError::Invalid(flaws) => flawed(flaws),
        AppealError::NotRefused(status) => {
            let detail = format!(
                "The version is {}; an appeal is lodged against what was rejected or taken down.",
                spoken(status)
            );
            Problem::conflict("not_refused", detail)
        }
        AppealError::Already(appeal) => {
            let detail = format!("This was appealed against with {appeal}, and an appeal is lodged once.");
            Problem::conflict("already_appealed", detail)
        }
        AppealError::NothingToJudge => {
            let detail =
                "The package is not what it was uploaded as, which nobody decides about. Upload the right one.";
            Problem::conflict("nothing_to_judge", detail)
        }
        AppealError::TooLate => Problem::conflict("too_late", format!("{error}. Create another version.")),
        AppealError::Review(error) => review(error),
        AppealError::AlreadyDecided(act) => {
            let detail = format!("The decision about this appeal was \"{act}\", and it is made once.");
            Problem::conflict("already_decided", detail)
        }
        AppealError::NotThisVersion => Problem::internal(error),
    }
}

pub(crate) fn enforce(error: EnforceError) -> Problem {
    match error {
        EnforceError::NotComplete => {
            let detail = "The rescan has not come to every version yet. Read it again until it is complete.";
            Problem::conflict("rescan_not_complete", detail)
        }
        EnforceError::Already => {
            let detail = "What this rescan found has been suspended before. Begin another rescan.";
            Problem::conflict("already_enforced", detail)
        }
    }
}

pub(crate) fn reply(error: ReplyError) -> Problem {
    match error {
        ReplyError::Invalid(flaws) => flawed(flaws),
        ReplyError::Case(error) => case(error),
        ReplyError::TooMany => {
            let detail = format!(
                "There are {MAX_REPLIES} replies about this version, and there can be no more. Write to each other by mail."
            );
            Problem::conflict("too_many_replies", detail)
        }
    }
}

pub(crate) fn contents_unknown(live: &Version) -> Problem {
    let detail = format!(
        "What the package of version {} or of this one holds was not written down when it was scanned. Compare the packages themselves.",
        live.number
    );
    Problem::conflict("contents_unknown", detail)
}

pub(crate) fn not_held(status: Status) -> Problem {
    let detail = format!(
        "The version is {}; only what its scan holds is released or rejected here. Submissions are decided about at their own path.",
        spoken(status)
    );
    Problem::conflict("not_held", detail)
}

pub(crate) fn case(error: CaseError) -> Problem {
    match error {
        CaseError::OwnWork => {
            let detail = "Nobody decides about what they or their own team handed in. Leave it to another operator.";
            Problem::forbidden("own_work", detail)
        }
        CaseError::OwnDecision => {
            let detail = "An appeal is decided by somebody else than who it is against. Leave it to another operator.";
            Problem::forbidden("own_decision", detail)
        }
        CaseError::ClaimedByAnother(claim) => {
            let detail = format!(
                "Another operator is at this case until {}. Take another one, or wait until it is released.",
                claim.until
            );
            Problem::conflict("case_claimed", detail)
        }
        CaseError::NotClaimed => Problem::conflict(
            "case_not_claimed",
            "You have no claim to this case that could be released.",
        ),
    }
}

pub(crate) fn publish(error: PublishError) -> Problem {
    match error {
        PublishError::NotApproved(status) => {
            let what_to_do = match status {
                Status::Submitted => "Wait for the decision.",
                Status::Yanked => "What was taken off does not come back; create another version.",
                _ => "Its package must pass the scan, be handed in and be approved first.",
            };
            Problem::conflict(
                "not_approved",
                format!("The version is {}. {what_to_do}", spoken(status)),
            )
        }
        PublishError::NotThisApproval => Problem::internal(error),
    }
}

pub(crate) fn yank(error: YankError) -> Problem {
    match error {
        YankError::Invalid(flaws) => flawed(flaws),
        YankError::NotPublished(status) => {
            let detail = format!(
                "The version is {}; only what is published can be taken off.",
                spoken(status)
            );
            Problem::conflict("not_published", detail)
        }
        YankError::NotLive => Problem::internal(error),
    }
}

fn spoken(status: Status) -> String {
    match status {
        Status::Draft => "waiting for its package".to_owned(),
        Status::Errored => "not scanned, because the scan could not be carried out".to_owned(),
        Status::Scanning => "being scanned".to_owned(),
        Status::ChangesRequested => "waiting for changes that the review asked for".to_owned(),
        Status::TakenDown => "taken down".to_owned(),
        other => other.to_string(),
    }
}
